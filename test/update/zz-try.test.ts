import { expect, test } from "bun:test";
import { startSite } from "../support/site.ts";
import { advertise } from "../support/proxy-and-cdn.ts";
import { offlineHost, runningHost } from "../support/update-host.ts";
test("try", async () => {
  await using site = await startSite();
  await site.release({ version: "18.1.0" });
  site.server.find = advertise("18.1.0");
  for (const make of [offlineHost, runningHost]) {
    using host = make(site);
    const t = performance.now();
    await host.enroll();
    console.log(performance.now() - t);
    console.log(host.config(), host.world.log.lines.join("\n"), host.tree().map(l=>l.slice(0,100)).join("\n"), host.systemctl(), site.takeRequests());
  }
});
