// What every typed client of a bgjob server does: start a job, follow it, fetch its result whole, however large.
import type { Client } from "@modelcontextprotocol/sdk/client/index.js";

import type { Job } from "./job.js";

/** A job that ended without a result, or a call that was refused before there was one. */
export class JobFailed extends Error {
  constructor(readonly reply: Job) {
    super(`${reply.error?.code ?? reply.state}: ${reply.error?.message ?? "there is no result"}`);
  }
}

export class Jobs {
  constructor(readonly client: Client) {}

  /** Runs a tool to its end. The server's `next` says which call to make, and how long it may take. */
  protected async run(tool: string, args: object): Promise<unknown> {
    let reply = await this.call(tool, args);
    while (reply.state === "queued" || reply.state === "running") {
      reply = await this.call(reply.next!.tool, reply.next!.args as object);
    }
    if (reply.state !== "completed") throw new JobFailed(reply);
    return "result" in reply ? reply.result : this.part(reply.job_id!, "");
  }

  private async call(name: string, args: object): Promise<Job> {
    const result = await this.client.callTool({ name, arguments: { ...args } });
    const reply = result.structuredContent as unknown as Job;
    if (result.isError) throw new JobFailed(reply);
    return reply;
  }

  /** The part of a result that `pointer` names: page by page where one reply cannot hold it. */
  private async part(job_id: string, pointer: string): Promise<unknown> {
    const read = (offset: number) => this.call("get_job_results", { job_id, pointer, offset, max_bytes: 61440 });
    let reply = await read(0);
    if (!reply.page) return "result" in reply ? reply.result : reply.value;
    const steps = pointer.split("/").length + 1;
    const members = Object.keys(reply.outline ?? {}).filter((inner) => inner.split("/").length === steps);
    const pieces: unknown[] = [];
    for (let at: number | undefined = 0; at !== undefined && at < reply.page!.total; ) {
      if (at > 0) reply = await read(at);
      const page: NonNullable<Job["page"]> = reply.page!;
      if (page.count > 0) {
        pieces.push(reply.value);
        at = page.next_offset ?? undefined;
        continue;
      }
      // One item alone is larger than a reply: an array names it in `next`, an object in its outline.
      const item = (reply.next?.args as { pointer?: string } | undefined)?.pointer;
      const value = await this.part(job_id, item ?? members[at]!);
      const name = members[at]?.split("/").at(-1)!.replaceAll("~1", "/").replaceAll("~0", "~");
      pieces.push(item === undefined ? { [name!]: value } : [value]);
      at += 1;
    }
    if (typeof pieces[0] === "string") return pieces.join("");
    return Array.isArray(pieces[0]) ? pieces.flat(1) : Object.assign({}, ...pieces);
  }
}
