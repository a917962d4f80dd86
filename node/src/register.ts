/**
 * Taps the HTTP clients before the program loads: `node --import llmlab/register app.mjs`, or `--require` for CommonJS.
 * Node runs it in every worker thread as well.
 */

import { instrument } from "./instrument";

instrument();
