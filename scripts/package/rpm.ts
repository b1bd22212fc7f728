import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ABOUT } from "./about.ts";
import { type Entry, SCRIPTS_FOLDER } from "./contents.ts";
import { ARCHITECTURES, type PackagePlan } from "./plan.ts";
import { runTool } from "./run-tool.ts";

/** Which of our scripts rpm runs when; each gets the number of versions that are left. */
const SCRIPTLETS = { post: "postinst", preun: "prerm", postun: "postrm" } as const;

/** Makes `<package>-<version>-1.<architecture>.rpm` of the staged tree, and answers its path. */
export async function makeRpm(plan: PackagePlan, entries: readonly Entry[]): Promise<string> {
  const work = `${plan.tree}.rpmbuild`;
  rmSync(work, { recursive: true, force: true });
  mkdirSync(work, { recursive: true });
  const name = `${plan.packageName}-${plan.version}-1.${ARCHITECTURES[plan.architecture]}.rpm`;
  const spec = join(work, `${plan.packageName}.spec`);
  writeFileSync(spec, specText(plan, entries));
  const defines = {
    _topdir: work,
    _rpmdir: work,
    _rpmfilename: name,
    _buildhost: "localhost",
    use_source_date_epoch_as_buildtime: "1",
    clamp_mtime_to_source_date_epoch: "1",
    // Only what every rpm since that of RHEL 7 reads.
    _binary_payload: plan.isQuick ? "w1.gzdio" : "w1.xzdio",
    _build_id_links: "none",
    // Nothing is stripped: the program carries its code behind its last section.
    __os_install_post: "%{nil}",
    debug_package: "%{nil}",
  };
  const flags = Object.entries(defines).flatMap(([key, value]) => ["--define", `${key} ${value}`]);
  await runTool(
    ["rpmbuild", "-bb", "--quiet", "--target", `${ARCHITECTURES[plan.architecture]}-linux`, ...flags, spec],
    plan,
  );
  renameSync(join(work, name), join(plan.folder, name));
  rmSync(work, { recursive: true });
  return join(plan.folder, name);
}

function specText({ packageName, version, isFips, date, tree }: PackagePlan, entries: readonly Entry[]): string {
  const requires = ["util-linux", ...(isFips ? ["curl", "openssl"] : [])];
  return `Name: ${packageName}
Version: ${version}
Release: 1
Summary: ${ABOUT.summary[0]?.toUpperCase()}${ABOUT.summary.slice(1)}
License: ${ABOUT.license}
Group: System/Management
Packager: ${ABOUT.maintainer}
${requires.map((name) => `Requires: ${name}\n`).join("")}Recommends: ca-certificates, procps-ng, systemd
Conflicts: ${isFips ? "teleport-update" : "teleport-update-fips"}

%description
${ABOUT.description.join("\n")}

%install
cp -a ${tree}/. %{buildroot}

${Object.entries(SCRIPTLETS)
  .map(([when, script]) => `%${when}\n${escaped(readFileSync(join(SCRIPTS_FOLDER, script), "utf8"))}`)
  .join("\n")}
%files
%defattr(-,root,root)
%dir /usr/lib/teleport-update
%dir /usr/share/licenses/${packageName}
${entries.map(fileLine).join("\n")}

%changelog
* ${changelogDate(date)} ${ABOUT.maintainer} - ${version}-1
- Version ${version}.
`;
}

function fileLine(entry: Entry): string {
  if (entry.kind === "link") return entry.path;
  const attributes = `%attr(${entry.mode.toString(8).padStart(4, "0")},root,root)`;
  if (entry.path.startsWith("/usr/share/licenses/")) return `${attributes} %license ${entry.path}`;
  return `${attributes} ${entry.path}`;
}

/** A scriptlet's text is expanded by rpmbuild, and the first line is its own. */
function escaped(script: string): string {
  return script.replace(/^#!.*\n/, "").replaceAll("%", "%%");
}

/** `Sun Nov 22 2026`. */
function changelogDate(date: Date): string {
  const [weekday = "", day = "", month = "", year = ""] = date.toUTCString().replace(",", "").split(" ");
  return `${weekday} ${month} ${day} ${year}`;
}
