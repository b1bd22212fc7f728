import { Glob } from "bun";

/**
 * `bun scripts/matrix.ts`: which rows of the contract's test matrices (`test/matrix.json`) have no test. A test shows a
 * row by its id in square brackets in its title: `[core 7.7 install error]`, or by the leading part that a group of rows
 * has in common: `[inst 8.6 link]`, also written `[inst 8.6] link: ...`. The section alone (`[core 7.8]`) stands for all
 * its rows where one table is tested as one.
 */
interface Section {
  id: string;
  title: string;
  tests: "one table" | "each row";
  /** Why its rows cannot be shown here. */
  differs?: string;
  rows: { id: string; title: string; differs?: string }[];
}

const ID_IN_TITLE = /\[((?:core|inst) \d+\.\d+[^\]]*)\](?: ([a-z-]+(?: and [a-z-]+)*): )?/g;

const sections: Section[] = await Bun.file("test/matrix.json").json();
const titles = [...new Set(await titlesInTests())];
const rows = sections.flatMap((section) =>
  section.rows.map(({ id, title, differs = section.differs }) => ({
    section,
    id: `${section.id} ${id}`,
    title,
    differs,
  })),
);
type Row = (typeof rows)[number];

const untested = rows.filter((row) => !titles.some((title) => shows(title, row)));
const missing = untested.filter(({ differs }) => differs === undefined);
const excused = rows.filter(({ differs }) => differs !== undefined);
const contradictions = excused.filter((row) => !untested.includes(row));
const strays = titles.filter(
  (title) => !rows.some((row) => shows(title, row)) && !sections.some(({ id }) => id === title),
);

for (const { id, section, title, differs } of excused)
  console.log(`differs: [${id}] (${section.title}: ${title}): ${differs}`);
for (const { id } of contradictions) console.log(`said to differ, but tested: [${id}]`);
for (const row of missing) console.log(`no test: [${row.id}] (${row.section.title}: ${row.title})`);
for (const stray of strays) console.log(`no such row: [${stray}]`);
console.log(
  `${rows.length - untested.length} of ${rows.length} rows have a test, ${excused.length} differ, ${missing.length} are missing`,
);
process.exit(missing.length + strays.length + contradictions.length === 0 ? 0 : 1);

function shows(title: string, { section, id }: Row): boolean {
  if (title === section.id) return section.tests === "one table";
  return new RegExp(`^${patternOf(title)}( |$)`, "i").test(id);
}

/** What the runner fills in (`%s`, `$name`) or the test itself (`${name}`) may be any text. */
function patternOf(title: string): string {
  return title
    .split(/%[a-z]|\$\{[^}]*\}|\$\w+/)
    .map((text) => RegExp.escape(text))
    .join(".+");
}

async function titlesInTests(): Promise<string[]> {
  const files = [...new Glob("test/**/*.test.ts").scanSync(".")];
  const texts = await Promise.all(files.map((file) => Bun.file(file).text()));
  return texts.flatMap((text) =>
    [...text.matchAll(ID_IN_TITLE)].flatMap(([, id, groups]) => withGroups(`${id}`, groups)),
  );
}

function withGroups(id: string, groups = ""): string[] {
  return groups === "" ? [id] : groups.split(" and ").map((group) => `${id} ${group}`);
}
