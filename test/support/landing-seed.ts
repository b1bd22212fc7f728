import fc from "fast-check";

/**
 * Loaded before all tests (`bunfig.toml`). Whether a change lands is up to the change, so CI always tries the same inputs;
 * elsewhere each run has new ones, and prints the seed of those that fail.
 */
if (process.env["CI"] === "true") fc.configureGlobal({ seed: 1 });
