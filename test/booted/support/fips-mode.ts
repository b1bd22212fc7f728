import type { BootedHost } from "../../support/booted-host.ts";

/** What a Debian needs to have a FIPS module and programs that use it. */
export const FIPS_PACKAGES = ["openssl", "openssl-provider-fips", "curl"] as const;

export const OPENSSL_CONFIG = "/etc/ssl/openssl.cnf";

/** As `docs/fips.md` has it, which a test compares. */
export function fipsConfig(): string {
  return `config_diagnostics = 1
openssl_conf = openssl_init

.include /etc/ssl/fipsmodule.cnf

[openssl_init]
providers = provider_sect
alg_section = algorithm_sect

[provider_sect]
fips = fips_sect
base = base_sect

[base_sect]
activate = 1

[algorithm_sect]
default_properties = fips=yes
`;
}

/** The module is active, but programs that ask for nothing special get any other. */
export const MODULE_BY_REQUEST = fipsConfig()
  .replace("base = base_sect", "default = base_sect")
  .replace(/^default_prop.*\n/m, "");

/** Tests the module of the host and writes down that it passed, as each host has to do once. */
export async function installModule(host: BootedHost): Promise<void> {
  const script =
    "openssl fipsinstall -out /etc/ssl/fipsmodule.cnf -module /usr/lib/$(uname -m)-linux-gnu/ossl-modules/fips.so";
  await succeed(host, script);
}

/**
 * Lets the kernel of the host say that it is in FIPS mode, or is not, or that it knows none. The kernel is that of the test, so
 * its `/proc/sys` is covered with one that has this folder besides.
 */
export async function setKernelFlag(host: BootedHost, flag: "0" | "1"): Promise<void> {
  await succeed(
    host,
    `if ! test -d /run/proc-sys; then
       mkdir /run/proc-sys && mount --bind /proc/sys /run/proc-sys && mount -t tmpfs tmpfs /proc/sys
       for at in /run/proc-sys/*; do
         mkdir "/proc/sys/\${at##*/}" && mount --bind "$at" "/proc/sys/\${at##*/}"
       done
       if ! mkdir /proc/sys/crypto 2>/dev/null; then umount /proc/sys/crypto; fi
     fi
     echo ${flag} >/proc/sys/crypto/fips_enabled`,
  );
}

async function succeed(host: BootedHost, script: string): Promise<void> {
  const { exitCode, stdout, stderr } = await host.exec(["sh", "-euc", script]);
  if (exitCode !== 0) throw new Error(`\`${script}\` failed:\n${stdout}${stderr}`);
}
