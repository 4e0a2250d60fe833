import path from 'node:path'
import {
  type KinesisClient,
  MergeShardsCommand,
  SplitShardCommand,
  waitUntilStreamExists,
} from '@aws-sdk/client-kinesis'
import type { Test } from 'tap'
import { account } from '../../../services/local/account.ts'
import { STREAM, type StreamFixture, startStream } from '../../consumer/support.ts'
import { type Program, runProgram, until } from '../../support/processes.ts'

const headgate = path.resolve(import.meta.dirname, '../../../services/cli/headgate.ts')

/** Returns the variables that select the test's stream at an endpoint. */
export function environment(endpoint: string): Record<string, string> {
  return {
    AWS_REGION: account.region,
    AWS_ACCESS_KEY_ID: account.credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: account.credentials.secretAccessKey,
    AWS_ENDPOINT_URL_KINESIS: endpoint,
    STREAM_NAME: STREAM,
  }
}

export interface StreamTest extends StreamFixture {
  env: Record<string, string>
  /** Starts the command in a new process. */
  start(...args: string[]): Program
  /** The same with further variables. */
  startWith(env: Record<string, string>, ...args: string[]): Program
  /** Starts a shell command in which `"$@"` runs `headgate`. */
  shell(script: string): Program
}

/** Starts an empty stream for the duration of the test. A process has one of them at a time. */
export async function startStreamTest(t: Pick<Test, 'teardown'>, { shards }: { shards: number }): Promise<StreamTest> {
  const stream = await startStream(t, { shards })
  const env = environment(stream.urls.kinesis)
  return {
    ...stream,
    env,
    start: (...args) => runProgram(t, [headgate, ...args], { env }),
    startWith: (more, ...args) => runProgram(t, [headgate, ...args], { env: { ...env, ...more } }),
    // The test runner adds a module to every program, which would handle SIGHUP.
    shell: script =>
      runProgram(t, ['-c', `unset NODE_OPTIONS; ${script}`, 'sh', process.execPath, headgate], {
        env,
        executable: '/bin/sh',
      }),
  }
}

/** Resolves once `headgate tail` reads, so that it prints every record that is put from now on. */
export async function isReading(program: Program): Promise<void> {
  await until(() => /^Reading \d+ shards? /m.test(program.stderr()) || program.child.exitCode !== null, {
    timeoutMs: 30_000,
    what: 'headgate tail to begin',
  })
}

/** Resolves once the program has printed this many lines. */
export async function hasPrinted(program: Program, lines: number): Promise<void> {
  await until(() => linesOf(program).length >= lines || program.child.exitCode !== null, {
    timeoutMs: 30_000,
    what: `${lines} lines of output`,
  })
}

export function linesOf(program: Program): string[] {
  return program.stdout().split('\n').slice(0, -1)
}

export const shardId = (n: number) => `shardId-00000000000${n}`

export async function split(kinesis: KinesisClient, ShardToSplit: string): Promise<void> {
  const NewStartingHashKey = String(2n ** 127n)
  await kinesis.send(new SplitShardCommand({ StreamName: STREAM, ShardToSplit, NewStartingHashKey }))
  await becomesActive(kinesis)
}

export async function merge(kinesis: KinesisClient, ShardToMerge: string, AdjacentShardToMerge: string): Promise<void> {
  await kinesis.send(new MergeShardsCommand({ StreamName: STREAM, ShardToMerge, AdjacentShardToMerge }))
  await becomesActive(kinesis)
}

async function becomesActive(client: KinesisClient): Promise<void> {
  await waitUntilStreamExists({ client, minDelay: 0.02, maxDelay: 0.2, maxWaitTime: 15 }, { StreamName: STREAM })
}
