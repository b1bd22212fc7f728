/**
 * How long a signal may need to reach all of us: systemd ends a unit by signalling every program in its control group, in
 * no order, and again those that were started meanwhile. So a program that failed beside us may come before our own
 * signal, and one that is started right after it may die of it.
 */
export const SIGNAL_GRACE_MS = 200;
