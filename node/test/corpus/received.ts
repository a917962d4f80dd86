/** What an application can see of what it received, without what differs from one second to the next. */

const OF_THE_MOMENT = ["sdkHttpResponse", "timestamp", "headers", "request_id", "_request_id", "cause", "stack"];

/** As plain data, so that two can be compared. */
export function plain(value: unknown, depth = 0): unknown {
  if (value instanceof Uint8Array) {
    return Buffer.from(value).toString("latin1");
  }
  if (typeof value !== "object" || value === null) {
    return value;
  }
  if (depth > 20) {
    throw new Error("what was received is deeper than any answer");
  }
  if (Array.isArray(value)) {
    return value.map((item) => plain(item, depth + 1));
  }
  const told = value instanceof Error ? { ...value, name: value.name, message: value.message } : value;
  const entries = Object.entries(told).filter(([name]) => !OF_THE_MOMENT.includes(name));
  return Object.fromEntries(entries.map(([name, item]) => [name, plain(item, depth + 1)]));
}
