/** No SDK: the HTTP clients, for those who write their requests themselves. Each gives the status and the bytes. */

import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import http from "node:http";
import { Readable } from "node:stream";
import axios from "axios";
import type { Case } from "../recording";

const JSON_KIND = { "content-type": "application/json" };
const FORM_KIND = { "content-type": "multipart/form-data; boundary=b" };
const UPLOAD = '--b\r\ncontent-disposition: form-data; name="model"\r\n\r\nwhisper-1\r\n--b--\r\n';

/** What is sent where the request is not recorded. */
const LEAST: Readonly<Record<string, object>> = {
  generateContent: { contents: [] },
  messages: { model: "none", max_tokens: 16, messages: [], stream: true },
};

function sent(played: Case): { headers: Record<string, string>; body: string } {
  if (played.api === "audio.transcriptions") {
    return { headers: FORM_KIND, body: UPLOAD };
  }
  return { headers: JSON_KIND, body: JSON.stringify(played.recorded.request_json ?? LEAST[played.api]) };
}

export async function throughFetch(played: Case): Promise<unknown> {
  const response = await fetch(played.url, { method: "POST", ...sent(played) });
  return [response.status, Buffer.concat(await Readable.from(response.body ?? []).toArray())];
}

export async function throughHttp(played: Case): Promise<unknown> {
  const { headers, body } = sent(played);
  const request = http.request(played.url, { method: "POST", headers }).end(body);
  const [response] = (await once(request, "response")) as [IncomingMessage];
  return [response.statusCode, Buffer.concat(await response.toArray())];
}

export async function throughAxios(played: Case): Promise<unknown> {
  const { headers, body } = sent(played);
  const options = { headers, responseType: "arraybuffer", validateStatus: null, proxy: false } as const;
  const response = await axios.post<Buffer>(played.url, body, options);
  return [response.status, response.data];
}
