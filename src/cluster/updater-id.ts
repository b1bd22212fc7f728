import { sha256 } from "#variant/digest";
import { UpdateError } from "../platform/errors.ts";
import type { FileStat, Files } from "../platform/files.ts";
import { quote, shellWord } from "../platform/quote.ts";
import type { World } from "../platform/world.ts";

/** What identifies this host is a line of text; anything longer is not ours. */
const ID_LIMIT = 4096;
const MACHINE_ID = "/etc/machine-id";

interface IdPaths {
  idFile: string;
  dataDirectory: string;
}

/**
 * The id under which the cluster knows this updater, so that it can pick canaries (updater-core §3.4): as the agent
 * persisted it in `idFile`, else computed from the machine id and the agent's host id. Never fails: what cannot be read
 * is told to the log and left out, and an empty answer means that the host has no id.
 */
export function readUpdaterId({ files, log }: Pick<World, "files" | "log">, paths: IdPaths): string {
  const read = (path: string, action: () => string) => {
    try {
      return action();
    } catch (error) {
      if (!(error instanceof UpdateError)) throw error;
      log.warn(`The updater id is made without \`${path}\`.`, { reason: error.message });
      return "";
    }
  };
  const persisted = read(paths.idFile, () => readId(files, paths));
  if (persisted !== "") return persisted;

  const hostId = hostIdFile(paths.dataDirectory);
  // Only root writes in /etc, so a link there is the administrator's; the data directory may belong to an agent without root.
  const systemId = read(MACHINE_ID, () => files.readText(MACHINE_ID, ID_LIMIT)?.trim() ?? "");
  const namespaceId = read(hostId, () => files.readPlantable(hostId, ID_LIMIT)?.trim() ?? "");
  const computed = computeUpdaterId(systemId, namespaceId);
  if (computed === undefined) {
    log.warn("This host has no id, so it cannot be a canary.", { machine_id: MACHINE_ID, host_uuid: hostId });
  }
  return computed ?? "";
}

/**
 * The id that the agent persisted, for `status`, which never computes one; empty when there is none that can be read
 * (installer-systemd §5.2).
 */
export function readPersistedId(files: Files, paths: IdPaths): string {
  try {
    return paths.idFile === "" ? "" : readId(files, paths);
  } catch (error) {
    if (error instanceof UpdateError) return "";
    throw error;
  }
}

/**
 * The id of a host from its two identities: a UUID of version 5 whose name is the DER sequence of both, hashed with
 * SHA-256 in the empty name space (updater-core §3.4). Undefined when both are empty.
 */
export function computeUpdaterId(systemId: string, namespaceId: string): string | undefined {
  if (systemId === "" && namespaceId === "") return undefined;
  const name = der(SEQUENCE, Buffer.concat([octets(systemId), octets(namespaceId)]));
  const bytes = sha256(Buffer.concat([Buffer.alloc(16), name])).subarray(0, 16);
  const hex = Buffer.from(bytes.map(markUuid)).toString("hex");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

const SEQUENCE = 0x30;
const OCTET_STRING = 0x04;

/**
 * The agent parses it as a UUID; the file lies where every user may write, so nothing else gets into a request or a log, and
 * nobody but the agent and root may say which host this is.
 */
function readId(files: Files, { idFile, dataDirectory }: IdPaths): string {
  const id = files.readPlantableOf(idFile, ID_LIMIT, agentUsers(files, dataDirectory))?.trim() ?? "";
  if (/^[0-9A-Za-z-]{0,64}$/.test(id)) return id;
  throw new UpdateError("E_UNREADABLE_FILE", `\`${idFile}\` holds no id, but ${quote(id)}`, {
    hint: `remove the file and restart the agent, which writes it: \`rm ${shellWord(files.real(idFile))}\``,
  });
}

const hostIdFile = (dataDirectory: string) => `${dataDirectory}/host_uuid`;

/** Who an agent without root may be: whose its data directory is, or what it wrote there. */
function agentUsers(files: Files, dataDirectory: string): number[] {
  const looks = [() => files.statFollowed(dataDirectory), () => files.stat(hostIdFile(dataDirectory))];
  return looks.flatMap((look) => ownerOf(look) ?? []);
}

/** Undefined also for who may not look: `status` needs no rights. */
function ownerOf(look: () => FileStat | undefined): number | undefined {
  try {
    return look()?.owner;
  } catch (error) {
    if (error instanceof UpdateError) return undefined;
    throw error;
  }
}

function octets(text: string): Buffer {
  return der(OCTET_STRING, Buffer.from(text));
}

function der(tag: number, content: Buffer): Buffer {
  const { length } = content;
  if (length < 128) return Buffer.concat([Buffer.from([tag, length]), content]);
  const bytes = length < 256 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...bytes]), content]);
}

/** Version 5, and the variant of RFC 4122. */
function markUuid(byte: number, at: number): number {
  if (at === 6) return (byte & 0x0f) | 0x50;
  return at === 8 ? (byte & 0x3f) | 0x80 : byte;
}
