/** A certificate for the servers of a test, which its clients trust. */

import { generate } from "selfsigned";

/** Of `localhost` and `127.0.0.1`. */
export async function certificate(): Promise<{ key: string; cert: string }> {
  const altNames = [
    { type: 2 as const, value: "localhost" },
    { type: 7 as const, ip: "127.0.0.1" },
  ];
  const made = await generate([{ name: "commonName", value: "localhost" }], {
    keySize: 2048,
    algorithm: "sha256",
    extensions: [{ name: "subjectAltName", altNames }],
  });
  return { key: made.private, cert: made.cert };
}
