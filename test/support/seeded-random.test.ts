import { expect, test } from "bun:test";
import { freshSeed, randomFrom } from "./seeded-random.ts";

const numbersFrom = (seed: number) => Array.from({ length: 1000 }, randomFrom(seed));

test("a seed repeats its numbers, and another has others", () => {
  expect(numbersFrom(7)).toEqual(numbersFrom(7));
  expect(numbersFrom(8)).not.toEqual(numbersFrom(7));
});

test("they lie between 0 and 1, and fill what is between", () => {
  const numbers = numbersFrom(Number(freshSeed()));
  expect(Math.min(...numbers)).toBeWithin(0, 0.05);
  expect(Math.max(...numbers)).toBeWithin(0.95, 1);
});
