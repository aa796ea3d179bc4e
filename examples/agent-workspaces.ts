// An agent framework: each agent has a workspace of its own, and they work together in /shared.
import assert from "node:assert/strict";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AccessDeniedError, connect, type NexusClient } from "nexus-mount";

const dataDir = process.argv[2] ?? mkdtempSync(join(tmpdir(), "nexus-"));
const tenantId = "acme";

class Agent {
  readonly name: string;
  readonly #nexus: NexusClient;

  constructor(name: string, nexus: NexusClient) {
    this.name = name;
    this.#nexus = nexus;
  }

  static async start(name: string): Promise<Agent> {
    return new Agent(name, await connect({ dataDir, tenantId, agentId: name }));
  }

  /** What it knows is its own. */
  async remember(state: object): Promise<void> {
    await this.#nexus.write(
      `/workspace/${tenantId}/${this.name}/state.json`,
      JSON.stringify(state),
    );
  }

  async stateOf(agent: string): Promise<unknown> {
    const bytes = await this.#nexus.read(`/workspace/${tenantId}/${agent}/state.json`);
    return JSON.parse(bytes.toString());
  }

  /** What it has found out is for all. */
  async publish(finding: string): Promise<void> {
    await this.#nexus.write(`/shared/${tenantId}/findings/${this.name}.txt`, finding);
  }

  async findings(): Promise<string[]> {
    const findings: string[] = [];
    for await (const path of this.#nexus.glob(`/shared/${tenantId}/findings/*.txt`)) {
      findings.push((await this.#nexus.read(path)).toString());
    }
    return findings;
  }

  stop(): Promise<void> {
    return this.#nexus.close();
  }
}

const agents = await Promise.all(["agent1", "agent2", "agent3"].map(Agent.start));
await Promise.all(agents.map((agent) => agent.remember({ status: "ready", name: agent.name })));
await Promise.all(agents.map((agent) => agent.publish(`${agent.name} was here`)));

for (const agent of agents) {
  assert.deepEqual(await agent.stateOf(agent.name), { status: "ready", name: agent.name });
  for (const { name } of agents.filter((other) => other !== agent)) {
    await assert.rejects(agent.stateOf(name), AccessDeniedError);
  }
  const findings = await agent.findings();
  assert.deepEqual(findings, ["agent1 was here", "agent2 was here", "agent3 was here"]);
  console.log(`${agent.name} knows its own state, and ${findings.length} findings`);
}

for (const agent of agents) await agent.stop();
