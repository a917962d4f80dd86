/**
 * The public names are those of the surface vector, no more and no fewer.
 *
 * What JavaScript has of a function is read off the declarations: what is required is positional, what is optional is in one
 * object of options at the end, whose defaults are told by `@defaultValue`. `track`, `trackCost` and `trace` wrap a function,
 * which is theirs alone.
 */

import "./home";
import assert from "node:assert/strict";
import { dirname, join } from "node:path";
import { test } from "node:test";
import * as llmlab from "llmlab";
import ts from "typescript";
import { camelCase } from "../dist/names";
import { native } from "../dist/native";
import { surface } from "./vectors";

interface Surface {
  functions: Record<string, string[]>;
  values: Record<string, string[]>;
  not_methods: string[];
  stats: string[];
  sink_stats: string[];
  errors: string[];
}

const SURFACE = surface() as unknown as Surface;
const WRAPPING = ["track", "trackCost", "trace"];

const path = join(dirname(require.resolve("llmlab")), "index.d.ts");
const program = ts.createProgram([path], { strict: true, types: ["node"], skipLibCheck: true });
const checker = program.getTypeChecker();
const file = program.getSourceFile(path);
assert.ok(file);
const module_ = checker.getSymbolAtLocation(file);
assert.ok(module_);
const exported = new Map(checker.getExportsOfModule(module_).map((symbol) => [symbol.name, resolved(symbol)]));

function resolved(symbol: ts.Symbol): ts.Symbol {
  return symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
}

function symbolOf(name: string): ts.Symbol {
  const symbol = exported.get(name);
  assert.ok(symbol, `${name} is not exported`);
  return symbol;
}

/** The parameters of a function by the words of the vector, but for their order. */
function parametersOf(name: string): Set<string> {
  const type = checker.getTypeOfSymbol(symbolOf(name));
  const [called] = [...type.getConstructSignatures(), ...type.getCallSignatures()];
  assert.ok(called, `${name} is no function`);
  const words = called.getParameters().flatMap((parameter) => {
    const given = checker.getNonNullableType(checker.getTypeOfSymbol(parameter));
    const isOptions = ["options", "price"].includes(parameter.name);
    return isOptions ? optionsOf(given) : [parameter.name];
  });
  return new Set(words.filter((word) => !(WRAPPING.includes(name) && word === "fn")));
}

function optionsOf(type: ts.Type): string[] {
  const rest = checker.getIndexInfosOfType(type).map(() => "**rates");
  return [...type.getProperties().map(optionOf), ...rest];
}

function optionOf(option: ts.Symbol): string {
  assert.ok(option.flags & ts.SymbolFlags.Optional, `${option.name} is required`);
  const told = option.getJsDocTags(checker).find((tag) => tag.name === "defaultValue");
  return `${option.name}=${ts.displayPartsToString(told?.text) || "null"}`;
}

/** A parameter of the vector by its name here; `null` for what only says how it is given. */
function inJavaScript(parameter: string): string | null {
  const [name = "", value] = parameter.split(/=(.*)/s);
  if (name === "*" || name === "/") {
    return null;
  }
  return value === undefined ? camelCase(name) : `${camelCase(name)}=${value}`;
}

for (const [name, listed] of Object.entries(SURFACE.functions)) {
  test(`${camelCase(name)} has the parameters of the vector`, () => {
    const wanted = listed.map(inJavaScript).filter((word) => word !== null);
    const isWrapped = (word: string) => !(name === "track_cost" && word.startsWith("function="));
    assert.deepEqual([...parametersOf(camelCase(name))].sort(), wanted.filter(isWrapped).sort());
  });
}

test("every exported value is in the vector", () => {
  const names = Object.keys(SURFACE.functions).map(camelCase);
  assert.deepEqual(Object.keys(llmlab).sort(), [...names, ...SURFACE.errors, ...ONLY_HERE].sort());
});

/** What has no counterpart in another language, because there is nothing to be handed over there. */
const ONLY_HERE = "fetch" in llmlab ? ["fetch"] : [];

test("every function is a method of a client too", () => {
  const own = Object.keys(SURFACE.functions).filter((name) => name !== "LLMLab" && !SURFACE.not_methods.includes(name));
  const lab = Object.getPrototypeOf(llmlab.LLMLab.prototype);
  assert.deepEqual(Object.getOwnPropertyNames(lab).sort(), ["constructor", ...own.map(camelCase)].sort());
});

test("every function has documentation with an example", () => {
  const lab = exported.get("LLMLab");
  assert.ok(lab);
  for (const name of Object.keys(SURFACE.functions).map(camelCase)) {
    const method = checker.getDeclaredTypeOfSymbol(lab).getProperty(name);
    const documented = method ?? symbolOf(name);
    assert.ok(
      documented.getJsDocTags(checker).some((tag) => tag.name === "example"),
      name,
    );
    assert.notEqual(symbolOf(name).getDocumentationComment(checker).length, 0, name);
  }
});

for (const [name, fields] of Object.entries(SURFACE.values)) {
  test(`${name} has the fields of the vector, and a number beside each amount`, () => {
    const type = checker.getDeclaredTypeOfSymbol(symbolOf(name));
    const found = type.getProperties().map((property) => property.name);
    const listed = fields.map(camelCase);
    const isAmount = (field: string) => found.includes(`${field}Number`);
    const amounts = listed.filter((field) => ["total", "cost", "costUsd", "unitPrice"].includes(field));
    assert.deepEqual(listed.filter(isAmount), amounts);
    const isPublic = (field: string) => /^(?!toJSON)[a-z]/.test(field);
    assert.deepEqual(found.filter(isPublic).sort(), [...listed, ...amounts.map((field) => `${field}Number`)].sort());
  });
}

test("what is printed and serialized are the fields", async () => {
  const printed = (value: object) => Object.keys(JSON.parse(JSON.stringify(value))).sort();
  const fieldsOf = (name: string) => SURFACE.values[name]?.map(camelCase).sort();
  const cost = llmlab.cost("openai", "gpt-4", { inputTokens: 1, outputTokens: 1 });
  const scope = llmlab.track({}, (t) => t);
  assert.deepEqual([printed(cost), printed(scope)], [fieldsOf("Cost"), fieldsOf("Scope")]);
  assert.deepEqual(printed(await llmlab.flush()), fieldsOf("FlushReport"));
});

test("the counters have the names of the vector", () => {
  const stats = llmlab.stats();
  assert.deepEqual(Object.keys(stats).sort(), SURFACE.stats.map(camelCase).sort());
  assert.deepEqual(
    stats.sinks.map((sink) => Object.keys(sink).sort()),
    [SURFACE.sink_stats.map(camelCase).sort()],
  );
});

/** The names of an interface of native.ts. */
function declared(name: string): string[] {
  const source = program.getSourceFile(join(dirname(path), "native.d.ts"));
  const found = source?.statements.find((node) => ts.isInterfaceDeclaration(node) && node.name.text === name);
  assert.ok(found && ts.isInterfaceDeclaration(found), `native.ts has no ${name}`);
  return found.members
    .flatMap((member) => (member.name && ts.isIdentifier(member.name) ? [member.name.text] : []))
    .sort();
}

test("native.ts says what the addon has", () => {
  const addon = native();
  const classes = { NativeClient: addon.Client, NativeScope: classOf("Scope"), NativeExchange: classOf("Exchange") };
  for (const [name, given] of Object.entries(classes)) {
    const own = Object.getOwnPropertyNames(given.prototype).filter((member) => member !== "constructor");
    assert.deepEqual(own.sort(), declared(name), name);
  }
  assert.deepEqual(
    Object.keys(addon)
      .filter((name) => !["Exchange", "Scope"].includes(name))
      .sort(),
    declared("Native"),
  );
});

function classOf(name: string): { prototype: object } {
  return (native() as unknown as Record<string, { prototype: object }>)[name] ?? { prototype: {} };
}
