/** Imported before what needs Node 20 by test files that are nothing without it: below, they say so and end. */

if (Number.parseInt(process.versions.node, 10) < 20) {
  console.log(`*** skipped: its packages need Node 20, and this is ${process.version} ***`);
  process.exit(0);
}
