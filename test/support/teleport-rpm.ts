import { mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { must } from "./must.ts";
import { layOutPackage, PACKAGE_BIN, type PackageOptions } from "./teleport-package.ts";

/** As `makeDeb`, a real rpm: its links are made after the transaction, when the files of the old version are gone (installer-systemd §6.3). */
export async function makeTeleportRpm(directory: string, options: PackageOptions): Promise<string> {
  const work = join(directory, `rpm-${options.version}`);
  const tree = join(work, "tree");
  await layOutPackage(tree, options);
  mkdirSync(join(tree, "var/lib/teleport"), { recursive: true, mode: 0o700 });
  const name = `teleport-${options.version}-1.rpm`;
  writeFileSync(join(work, "teleport.spec"), specText(tree, options.version));
  const defines = {
    _topdir: work,
    _rpmdir: work,
    _rpmfilename: name,
    _binary_payload: "w1.gzdio",
    _build_id_links: "none",
    __os_install_post: "%{nil}",
    debug_package: "%{nil}",
  };
  const flags = Object.entries(defines).flatMap(([key, value]) => ["--define", `${key} ${value}`]);
  await must(["rpmbuild", "-bb", "--quiet", ...flags, join(work, "teleport.spec")]);
  renameSync(join(work, name), join(directory, name));
  rmSync(work, { recursive: true });
  return join(directory, name);
}

function specText(tree: string, version: string): string {
  return `Name: teleport
Version: ${version}
Release: 1
Summary: Stand-in for the package of Teleport
License: None
AutoReqProv: no

%description
Stand-in for the package of Teleport.

%install
cp -a ${tree}/. %{buildroot}

%posttrans
set -e
echo 'linking Teleport'
${PACKAGE_BIN}/teleport-update link-package

%preun
[ "$1" = 1 ] || ${PACKAGE_BIN}/teleport-update unlink-package || true

%files
/opt/teleport/system
%dir %attr(0700,root,root) /var/lib/teleport
`;
}
