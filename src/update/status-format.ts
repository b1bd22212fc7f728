import { hideCredentials, hideUserInfo } from "../platform/hide-credentials.ts";
import { describeProof } from "../release/proof-record.ts";
import { formatYaml } from "../settings/go-yaml.ts";
import { optionsMapping } from "../settings/options.ts";
import { lastUpdateMapping, revisionMapping, specMapping } from "../settings/update-config-write.ts";
import type { StatusReport } from "./status.ts";

/**
 * The report as YAML, with the keys, order and omissions of the contract (updater-core §4.5). What the cluster would have
 * said is left out where it was not reached.
 */
export function formatStatus(report: StatusReport): string {
  const { spec, status, answer } = report;
  const options = optionsMapping(report.options);
  return formatYaml({
    // What upstream took, and `update.yaml` keeps, is not for whoever may run this.
    ...specMapping({ ...spec, proxy: hideCredentials(spec.proxy), baseUrl: hideUserInfo(spec.baseUrl) }),
    last_update: status.lastUpdate && lastUpdateMapping(status.lastUpdate),
    active: revisionMapping(status.active),
    backup: status.backup && revisionMapping(status.backup),
    skip: status.skip && revisionMapping(status.skip),
    target: answer && revisionMapping(answer.target),
    in_window: answer?.inWindow,
    // Not a scalar of ours: a Go duration never needs quotes.
    jitter: answer && formatGoDuration(answer.jitterSeconds),
    agpl: answer?.agpl || undefined,
    id: report.id || undefined,
    // From here on ours: what upstream's readers do not know, they pass over.
    proof: report.proof && describeProof(report.proof),
    proxy_env: report.proxyEnv,
    options: Object.values(options).some((value) => value !== undefined) ? options : undefined,
    held_back: report.limit && `${report.limit.rule}: ${report.limit.reason}`,
  });
}

/** Whole seconds as Go prints a duration: `0s`, `45s`, `1m0s`, `1h0m0s`. */
export function formatGoDuration(seconds: number): string {
  const [hours, minutes, rest] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  if (hours > 0) return `${hours}h${minutes}m${rest}s`;
  return minutes > 0 ? `${minutes}m${rest}s` : `${rest}s`;
}
