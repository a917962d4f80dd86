/**
 * What an import does not need, it does not read: each of these functions has its file read when it is first called.
 *
 * Files cost more than half a millisecond each, most programs use few of them, and a serverless function waits for all.
 */

/** The function of this name in a file that is yet to be read. */
function deferred<File, Name extends keyof File>(read: () => File, name: Name): File[Name] {
  let file: File | undefined;
  const call = (...args: unknown[]): unknown => {
    file ??= read();
    return (file[name] as (...args: unknown[]) => unknown)(...args);
  };
  return call as File[Name];
}

export const costOf = deferred(() => require("./cost") as typeof import("./cost"), "costOf");
export const finished = deferred(() => require("./lifecycle") as typeof import("./lifecycle"), "finished");
export const statsOf = deferred(() => require("./lifecycle") as typeof import("./lifecycle"), "statsOf");
export const usageOf = deferred(() => require("./readUsage") as typeof import("./readUsage"), "usageOf");
export const recordCall = deferred(() => require("./record") as typeof import("./record"), "recordCall");
export const recordGiven = deferred(() => require("./record") as typeof import("./record"), "recordGiven");
export const registerProvider = deferred(
  () => require("./registrar") as typeof import("./registrar"),
  "registerProvider",
);
export const setModel = deferred(() => require("./registrar") as typeof import("./registrar"), "setModel");
export const setPrice = deferred(() => require("./registrar") as typeof import("./registrar"), "setPrice");
export const summaryOf = deferred(() => require("./summary") as typeof import("./summary"), "summaryOf");
export const stepWrap = deferred(() => require("./trace") as typeof import("./trace"), "stepWrap");
export const tracked = deferred(() => require("./track") as typeof import("./track"), "tracked");
export const costWrap = deferred(() => require("./trackCost") as typeof import("./trackCost"), "costWrap");
export const opened = deferred(() => require("./callbacks") as typeof import("./callbacks"), "opened");
export const read = deferred(() => require("./options") as typeof import("./options"), "read");
export const fetchThrough = deferred(
  () => require("./transports/fetch") as typeof import("./transports/fetch"),
  "fetch",
);
