import { systemd } from "../host/systemd.ts";
import type { Change } from "../platform/change.ts";
import { isUpdateError, UpdateError } from "../platform/errors.ts";
import type { World } from "../platform/world.ts";
import { describeChange } from "./describe-change.ts";
import { makeChange, undoChange } from "./make-change.ts";

/**
 * The one hand that changes the host. Changes come in as plain data and are made in order; when a step fails, or the
 * run is interrupted, `rollBack` undoes them in reverse. A change counts as begun before it is made, so its undo must
 * hold whether it was made, half made or not made at all.
 */
export class Transaction {
  readonly #world: World;
  readonly #lockDescriptor: number | undefined;
  readonly #begun: Change[] = [];

  /** `lockDescriptor` is handed to a foreign setup child, so that the lock outlives us if we are killed. */
  constructor(world: World, lockDescriptor?: number) {
    this.#world = world;
    this.#lockDescriptor = lockDescriptor;
  }

  /** Makes `changes` in order. On failure the list so far stays begun: the caller decides to roll back. */
  async apply(changes: readonly Change[]): Promise<void> {
    for (const change of changes) {
      if (this.#world.signal.aborted) throw new UpdateError("E_CANCELED", "interrupted");
      this.#world.log.debug(`Change: ${describeChange(change)}.`);
      this.#begun.push(change);
      await makeChange(this.#world, change, this.#lockDescriptor);
    }
  }

  /** What was begun so far, in order. */
  get begun(): readonly Change[] {
    return this.#begun;
  }

  /**
   * Undoes everything that was begun, last first, and goes on past failures. Not interruptible: stopping here would
   * leave the host between two releases. Answers whether all of it could be undone.
   */
  async rollBack(): Promise<boolean> {
    const world = { ...this.#world, signal: new AbortController().signal };
    let complete = true;
    const begun = this.#begun.splice(0).reverse();
    // A service may read anything that the list touched, so it is reloaded once all of that is back.
    const last = begun.filter(({ kind }) => kind === "reload");
    for (const change of [...begun.filter(({ kind }) => kind !== "reload"), ...last]) {
      try {
        await undoChange(world, change);
      } catch (error) {
        if (await isOnlyShutdown(world, error)) continue;
        complete = false;
        world.log.error(`Unable to undo: ${describeChange(change)}.`, { error: messageOf(error) });
      }
    }
    return complete;
  }
}

/** While the host shuts down systemd refuses jobs, and the next boot reads every unit and link afresh: nothing is lost. */
async function isOnlyShutdown(world: World, error: unknown): Promise<boolean> {
  if (!isUpdateError(error, "E_SYSTEMD", "E_UNHEALTHY") || !(await systemd(world).isStopping())) return false;
  world.log.warn("The host is shutting down, the next boot brings this back.", { error: error.message });
  return true;
}

/**
 * Runs `work` with a transaction. Whatever makes it fail is thrown again once the host is put back; when that is not
 * possible in full, `E_ROLLBACK` says so with the first failure as its cause.
 */
export async function inTransaction<T>(
  world: World,
  lockDescriptor: number | undefined,
  work: (transaction: Transaction) => Promise<T>,
): Promise<T> {
  const transaction = new Transaction(world, lockDescriptor);
  try {
    return await work(transaction);
  } catch (failure) {
    if (transaction.begun.length === 0) throw failure;
    world.log.warn("The change failed, putting the host back as it was.", { error: messageOf(failure) });
    if (await transaction.rollBack()) {
      world.log.warn("The host is back as it was before this run.");
      throw failure;
    }
    throw new UpdateError("E_ROLLBACK", `not every change could be undone after: ${messageOf(failure)}`, {
      hint: "the installation is likely broken: read the errors above, remove their cause, and run `teleport-update enable` again",
      cause: failure,
    });
  }
}

function messageOf(failure: unknown): string {
  return failure instanceof Error ? failure.message : String(failure);
}
