import { COMMANDS } from "../cli/commands.ts";
import { main } from "../cli/main.ts";

await main({
  name: "teleport-update",
  description: "Keeps the Teleport agents and bots of this host at the version that their cluster wants.",
  commands: COMMANDS,
});
