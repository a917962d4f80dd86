/** What a call costs. */

import { inspect } from "node:util";
import { optionalMoment, optionalText, strictOptions, text } from "./arguments";
import type { Holder } from "./holder";
import { camelCase } from "./names";
import type { NativeTerms } from "./native";
import type { Usage } from "./usage";
import { countsOf } from "./usage";

/** Options of `cost`. */
export interface CostOptions {
  /** Counts by their names, inclusive. What is absent charges as 0. */
  usage?: Usage | null | undefined;
  /** When; now if not given. A `Date`, or RFC 3339 text. */
  at?: Date | string | null | undefined;
  /**
   * `standard`, `batch`, `flex`, `priority`.
   *
   * @defaultValue "standard"
   */
  serviceTier?: string | null | undefined;
  /** The region that inference is bound to, where it changes the price. */
  inferenceGeo?: string | null | undefined;
  /** `fast`, where it changes the price. */
  speed?: string | null | undefined;
  /** `low`, `medium` or `high`, where it changes the price of a web search. */
  searchContextSize?: string | null | undefined;
  /** The same as `usage.input`. */
  inputTokens?: number | bigint | null | undefined;
  /** The same as `usage.output`. */
  outputTokens?: number | bigint | null | undefined;
}

/** `unpriced`: the cost is not known, or a lower bound; `estimated`: a lower bound or a guess. */
export type CostState = "priced" | "estimated" | "unpriced";

/** One line of a cost. */
export interface Line {
  /** What was counted, such as `cacheRead`. */
  readonly dimension: string;
  /** How many. */
  readonly count: number;
  /** The price of one in US dollars; `null` where that does not terminate within 18 decimals. */
  readonly unitPrice: string | null;
  /** The same as the nearest number. */
  readonly unitPriceNumber: number | null;
  /** US dollars. */
  readonly total: string;
  /** The same as the nearest number. */
  readonly totalNumber: number;
}

const [STATE, MATCHED_BY, VERSION, CHARGES, MODEL] = [1, 2, 3, 4, 5];

/** What a call costs. It crosses as one text (`NativeClient.cost`), which is read when it is looked at. */
export class Cost {
  readonly #text: string;
  #fields: string[] | undefined;

  /** @internal */
  constructor(text: string) {
    this.#text = text;
  }

  /** A field, if it is known. The last one is all that is left. */
  #field(place: number): string | null {
    this.#fields ??= this.#text.split("\n");
    const fields = this.#fields;
    return (place < MODEL ? fields[place] : fields.slice(MODEL).join("\n")) || null;
  }

  /** US dollars, exactly; `null` exactly when the state is `unpriced`. */
  get total(): string | null {
    // The field that is asked most needs no others.
    return this.#text.slice(0, this.#text.indexOf("\n")) || null;
  }

  /** The same as the nearest number. */
  get totalNumber(): number | null {
    return numberOf(this.total);
  }

  /** `priced`, `estimated` or `unpriced`. */
  get state(): CostState {
    return this.#field(STATE) as CostState;
  }

  /** One line for each dimension that was charged. */
  get lines(): readonly Line[] {
    const words = (this.#field(CHARGES) ?? "").split(" ");
    const lines: Line[] = [];
    for (let at = 0; at + 4 < words.length; at += 4) {
      const [dimension = "", count, unitPrice = "", total = ""] = words.slice(at, at + 4);
      lines.push({
        dimension: camelCase(dimension),
        count: Number(count),
        unitPrice: unitPrice || null,
        unitPriceNumber: numberOf(unitPrice || null),
        total,
        totalNumber: Number(total),
      });
    }
    return lines;
  }

  /** The model's name in the catalogue; `null` if it is not there. */
  get model(): string | null {
    return this.#field(MODEL);
  }

  /** How the name was found: `exact`, `alias`, `snapshot`, `fine_tune` or `override`. */
  get matchedBy(): string | null {
    return this.#field(MATCHED_BY);
  }

  /** The version of the prices. */
  get catalogueVersion(): number {
    return Number(this.#field(VERSION));
  }

  /** What is printed and serialized. */
  toJSON(): object {
    const { total, state, lines, model, matchedBy, catalogueVersion } = this;
    return { total, state, lines, model, matchedBy, catalogueVersion };
  }

  /** @internal */
  [inspect.custom](): string {
    return `Cost ${inspect(this.toJSON(), { depth: 1 })}`;
  }
}

function numberOf(amount: string | null): number | null {
  return amount === null ? null : Number(amount);
}

/** What a call costs, in US dollars, exactly. */
export function costOf(
  holder: Holder,
  provider: unknown,
  model: unknown,
  options: CostOptions | null | undefined,
): Cost {
  const asked = strictOptions(options);
  const counts = countsOf(asked.usage, asked.inputTokens, asked.outputTokens);
  return new Cost(holder.client().cost(text("provider", provider), text("model", model), counts, termsOf(asked)));
}

/** What else decides the price; `null` if nothing of it was given. */
function termsOf({ at, serviceTier, inferenceGeo, speed, searchContextSize }: CostOptions): NativeTerms | null {
  if ((at ?? serviceTier ?? inferenceGeo ?? speed ?? searchContextSize ?? null) === null) {
    return null;
  }
  const terms: NativeTerms = {};
  put(terms, "at", optionalMoment("at", at));
  put(terms, "serviceTier", optionalText("serviceTier", serviceTier));
  put(terms, "inferenceGeo", optionalText("inferenceGeo", inferenceGeo));
  put(terms, "speed", optionalText("speed", speed));
  put(terms, "searchContextSize", optionalText("searchContextSize", searchContextSize));
  return terms;
}

function put(terms: NativeTerms, name: keyof NativeTerms, value: string | null): void {
  if (value !== null) {
    terms[name] = value;
  }
}
