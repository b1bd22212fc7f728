/** How deep what we write is nested: an index, its files, a file, its origin; and room for more. */
const DEPTH_LIMIT = 16;

/**
 * Parses JSON that may be anybody's work; undefined for what is none, and for what is nested deeper than anything of ours: each level of it
 * costs the parser a hundred times its length in memory.
 */
export function boundedJson(text: string): unknown {
  if (isDeep(text)) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Looks at each character once: whoever wrote the text chooses what it costs. */
function isDeep(text: string): boolean {
  let depth = 0;
  let isInString = false;
  for (let at = 0; at < text.length; at += 1) {
    const character = text[at];
    if (isInString && character === "\\") at += 1;
    else if (character === '"') isInString = !isInString;
    else if (isInString) continue;
    else if (character === "[" || character === "{") depth += 1;
    else if (character === "]" || character === "}") depth -= 1;
    if (depth > DEPTH_LIMIT) return true;
  }
  return false;
}
