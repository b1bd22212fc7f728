import { closeSync, readSync } from "node:fs";
import type { ServerResponse } from "node:http";

/** Bytes of an open file; who sends them closes the descriptor. */
export interface FilePart {
  descriptor: number;
  start: number;
  /** Exclusive. */
  end: number;
}

const CHUNK_BYTES = 64 << 10;
/**
 * What all bodies together send before the loop looks after its other sockets again. The runtime cuts a connection that has
 * not asked for anything after 10 s, lets only five handshakes go on in a turn of the loop, and sends to who reads fast
 * until the file ends: of 200 hosts that came at once, a hundred were cut before they could say a word.
 */
const CHUNKS_A_TURN = 2;

const waiting: (() => void)[] = [];
let isTurnDue = false;

/**
 * Sends a part of a file as the body of `response`, whose head is written, and closes the descriptor. The client is cut when
 * it takes nothing for so long, and when the file turns out to be shorter, so that it does not take a piece for the whole.
 */
export function sendPaced({ descriptor, start, end }: FilePart, response: ServerResponse, idleMs: number): void {
  let at = start;
  let isOver = false;
  const patience = setTimeout(() => response.destroy(), idleMs);
  const step = () => {
    if (isOver) return;
    if (at === end) {
      response.end();
      return;
    }
    const chunk = readChunk(descriptor, at, Math.min(CHUNK_BYTES, end - at));
    if (chunk === undefined) {
      response.destroy();
      return;
    }
    patience.refresh();
    at += chunk.length;
    if (at === end) response.end(chunk);
    else if (response.write(chunk)) takeTurns(step);
    else response.once("drain", () => takeTurns(step));
  };
  response.once("close", () => {
    isOver = true;
    clearTimeout(patience);
    closeSync(descriptor);
  });
  takeTurns(step);
}

/** In a later turn of the loop, after those that wait already. */
function takeTurns(step: () => void): void {
  waiting.push(step);
  if (!isTurnDue) setImmediate(runTurn);
  isTurnDue = true;
}

function runTurn(): void {
  for (const step of waiting.splice(0, CHUNKS_A_TURN)) step();
  isTurnDue = waiting.length > 0;
  if (isTurnDue) setImmediate(runTurn);
}

/** Undefined where the file has no more bytes, or cannot be read any more. */
function readChunk(descriptor: number, at: number, length: number): Uint8Array | undefined {
  try {
    const chunk = Buffer.allocUnsafeSlow(length);
    const count = readSync(descriptor, chunk, 0, length, at);
    return count > 0 ? chunk.subarray(0, count) : undefined;
  } catch {
    return undefined;
  }
}
