import type { Lock } from "../host/lock.ts";
import type { Change, ChangeKind } from "../platform/change.ts";
import { isUpdateError, succeeds, UpdateError } from "../platform/errors.ts";
import { faultPoint } from "../platform/fault-point.ts";
import type { World } from "../platform/world.ts";
import { describeChange } from "./describe-change.ts";
import { Journal } from "./journal.ts";
import { linkPlaces } from "./link-places.ts";
import { makeChange } from "./make-change.ts";
import { type Undone, undoAll } from "./undo-all.ts";

/** What a transaction needs of the lock under which it runs; our setup step has none, it runs under that of its parent. */
type Held = Pick<Lock, "namespace" | "descriptor">;

/**
 * The one hand that changes the host. Changes come in as plain data and are made in order; when a step fails, or the
 * run is interrupted, `rollBack` undoes them in reverse. A change counts as begun before it is made, in memory and in the
 * journal, so its undo must hold whether it was made, half made or not made at all.
 */
export class Transaction {
  readonly #world: World;
  readonly #lock: Held | undefined;
  readonly #journal: Journal | undefined;
  readonly #begun: Change[] = [];

  /** Without a lock there is no journal, so what is made must be of a kind that a killed run may leave. */
  constructor(world: World, lock?: Held) {
    this.#world = world;
    this.#lock = lock;
    this.#journal = lock && new Journal(world.files, lock.namespace, world.clock.now());
  }

  /** Hears of changes that are to follow: what the journal has to work out for them is done in one go. */
  prepare(changes: readonly Change[]): void {
    this.#journal?.prepare(changes);
  }

  /** Makes `changes` in order. On failure the list so far stays begun: the caller decides to roll back. */
  async apply(changes: readonly Change[]): Promise<void> {
    this.prepare(changes);
    for (const group of announcedTogether(changes)) {
      this.#stopIfInterrupted();
      this.#journal?.announce(group);
      this.#begun.push(...group);
      for (const change of group) {
        this.#stopIfInterrupted();
        this.#world.log.debug(`Change: ${describeChange(change)}.`);
        faultPoint(`${change.kind}:before`, change);
        await makeChange(this.#world, change, this.#lock?.descriptor);
        faultPoint(`${change.kind}:after`, change);
      }
    }
  }

  /** What was begun so far, in order. */
  get begun(): readonly Change[] {
    return this.#begun;
  }

  /** From here on the new state counts, whatever happens. */
  commit(): void {
    faultPoint("commit:before");
    this.#journal?.end("committed");
    this.#begun.length = 0;
    faultPoint("commit:after");
  }

  /**
   * Undoes everything that was begun. Only what is undone in part keeps its journal, for the next run to go on. `not begun`:
   * everything is as the run made it, as it may count already.
   */
  async rollBack(): Promise<Undone | "not begun"> {
    const notes = this.#journal?.beginUndo();
    if (this.#journal !== undefined && notes === undefined) return "not begun";
    const changes = this.#begun.splice(0);
    const undone = await undoAll(this.#world, {
      changes,
      undone: new Set(),
      linkPlaces: this.#lock ? linkPlaces(this.#world.files, this.#lock.namespace, changes) : [],
      note: (index) => notes?.note(index),
    });
    if (undone !== "in part" && !succeeds(() => this.#journal?.end("undone"))) {
      this.#world.log.warn("The journal cannot be dropped: the next run undoes once more what is undone by now.");
    }
    return undone;
  }

  #stopIfInterrupted(): void {
    if (this.#world.signal.aborted) throw new UpdateError("E_CANCELED", "interrupted");
  }
}

/**
 * Runs `work` with a transaction, and commits it. Whatever makes it fail is thrown again once the host is put back; when
 * that is not possible in full, `E_ROLLBACK` says so with the first failure as its cause.
 */
export async function inTransaction<T>(
  world: World,
  lock: Held | undefined,
  work: (transaction: Transaction) => Promise<T>,
): Promise<T> {
  const transaction = new Transaction(world, lock);
  try {
    const result = await work(transaction);
    transaction.commit();
    return result;
  } catch (failure) {
    if (transaction.begun.length === 0) throw failure;
    world.log.warn("The change failed, putting the host back as it was.", { error: messageOf(failure) });
    switch (await transaction.rollBack()) {
      case "whole":
        world.log.warn("The host is back as it was before this run.");
        throw failure;
      case "unhealthy":
        throw rollBackError(failure, "the host is put back, but a service did not come up, after", UNHEALTHY);
      case "not begun":
        throw rollBackError(failure, "the change is made, and whether it counts could not be noted, after", DOUBTFUL);
      case "in part":
        throw rollBackError(
          failure,
          "not every change could be undone, after",
          isUpdateError(failure, "E_NO_SPACE") ? FULL : BROKEN,
        );
    }
  }
}

const UNHEALTHY = "read the errors above; a cluster that is down looks like this too";
const DOUBTFUL =
  "look after the disk, and run the command again: the host is whole, and goes on from this change or from before it";
const FULL = "free some space, and run the command again: it undoes the rest before anything else";
const BROKEN =
  "the installation is likely broken: read the errors above, remove their cause, and run `teleport-update enable` again";

function rollBackError(failure: unknown, what: string, hint: string): UpdateError {
  return new UpdateError("E_ROLLBACK", `${what}: ${messageOf(failure)}`, { hint, cause: failure });
}

/** What other programs do is announced by itself, so that nobody undoes what was not begun; the rest costs one sync a list. */
const ALONE: ReadonlySet<ChangeKind> = new Set<ChangeKind>(["daemon-reload", "unit", "setup", "reload"]);

function announcedTogether(changes: readonly Change[]): Change[][] {
  const groups: Change[][] = [];
  let wasAlone = true;
  for (const change of changes) {
    const isAlone = ALONE.has(change.kind);
    if (isAlone || wasAlone) groups.push([change]);
    else groups.at(-1)?.push(change);
    wasAlone = isAlone;
  }
  return groups;
}

function messageOf(failure: unknown): string {
  return failure instanceof Error ? failure.message : String(failure);
}
