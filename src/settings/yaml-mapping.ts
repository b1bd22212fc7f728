import { isMap, isScalar, isSeq, type Scalar, type YAMLMap } from "yaml";
import { isNullWord, parseBooleanWord, parseTimestamp } from "./go-yaml-words.ts";
import { parseStrictYaml, type Refuse } from "./strict-yaml.ts";

/**
 * The values of a mapping, each read as the type that its field has, as Go's yaml.v3 reads into a struct: any scalar is
 * text, null is "not set". A value of another type throws what `Refuse` makes; keys that nobody asks for are ignored.
 */
export interface MappingReader {
  text(key: string): string | undefined;
  boolean(key: string): boolean | undefined;
  timestamp(key: string): Date | undefined;
  names(key: string): string[] | undefined;
  mapping(key: string): MappingReader | undefined;
}

/** Parses `text` by `parseStrictYaml` and reads its top mapping. */
export function readMapping(text: string, refuse: Refuse): MappingReader {
  const { root, lineOf } = parseStrictYaml(text, refuse);
  return readerOf(root, "", (name, expected, node) => refuse(`gives ${expected} as \`${name}\``, lineOf(node)));
}

type Mistyped = (name: string, expected: string, node: unknown) => Error;

function readerOf(map: YAMLMap, prefix: string, mistyped: Mistyped): MappingReader {
  const nodeOf = (key: string) => {
    const node = map.get(key, true);
    return node === undefined || isNull(node) ? undefined : node;
  };
  const scalar = (key: string, expected: string): Scalar<string> | undefined => {
    const node: unknown = nodeOf(key);
    if (node === undefined) return undefined;
    if (isTextScalar(node)) return node;
    throw mistyped(prefix + key, expected, node);
  };
  return {
    text: (key) => scalar(key, "no text")?.value,
    boolean(key) {
      const node = scalar(key, NO_BOOLEAN);
      if (node === undefined) return undefined;
      const value = parseBooleanWord(node.value, isQuoted(node));
      if (value === undefined) throw mistyped(prefix + key, NO_BOOLEAN, node);
      return value;
    },
    timestamp(key) {
      const node = scalar(key, NO_TIMESTAMP);
      if (node === undefined) return undefined;
      const value = parseTimestamp(node.value);
      if (value === undefined) throw mistyped(prefix + key, NO_TIMESTAMP, node);
      return value;
    },
    names(key) {
      const node: unknown = nodeOf(key);
      if (node === undefined) return undefined;
      if (isSeq(node) && node.items.every(isTextScalar)) return node.items.map((item) => item.value);
      throw mistyped(prefix + key, "no list of names", node);
    },
    mapping(key) {
      const node: unknown = nodeOf(key);
      if (node === undefined) return undefined;
      if (isMap(node)) return readerOf(node, `${prefix}${key}.`, mistyped);
      throw mistyped(prefix + key, "no mapping", node);
    },
  };
}

const NO_BOOLEAN = "neither `true` nor `false`";
const NO_TIMESTAMP = "no timestamp";

function isTextScalar(node: unknown): node is Scalar<string> {
  return isScalar(node) && typeof node.value === "string";
}

function isNull(node: unknown): boolean {
  return isTextScalar(node) && !isQuoted(node) && isNullWord(node.value);
}

function isQuoted(node: Scalar): boolean {
  return node.type !== "PLAIN";
}
