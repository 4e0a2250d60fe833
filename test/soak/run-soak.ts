import { mkdtempSync, rmSync } from 'node:fs'
import { availableParallelism, loadavg, tmpdir } from 'node:os'
import path from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setTimeout as pass } from 'node:timers/promises'
import { names } from '../../services/platform/resources.ts'
import type { Sender } from '../chaos/clients/client.ts'
import type { Exit } from '../chaos/evidence/ledger.ts'
import { type Scope, withScope } from '../chaos/world/scope.ts'
import type { Slot } from '../chaos/world/slot.ts'
import { createUsers, fillSlots } from '../chaos/world/world.ts'
import { startAws } from '../support/aws.ts'
import { descendants, isAlive } from '../support/processes.ts'
import { checkOutputs, checkVerdicts } from './checks.ts'
import { type FoundUpload, findUpload, type Innocent, lasted, startInnocent } from './innocent.ts'
import { findLeftovers } from './leftovers.ts'
import { createMemoryGroup, type MemoryGroup } from './limits/memory-group.ts'
import { type TreeUsage, usageOf, watchMemory } from './limits/memory-watch.ts'
import { describeRun, timesOf } from './report.ts'
import { sendFiles } from './send-files.ts'
import { awaitVerdicts, eachOf } from './verdicts.ts'

export interface SoakSettings {
  seed: number
  files: number
  /** Requests in flight at a time, without those of the innocent owner. */
  connections: number
  /** Memory that the api and each worker may have with all their children. */
  limitMiB: number
  workers: number
  /** Leaves out the files that keep a processor for seconds. */
  onlyLight: boolean
  /** How long the processes may come to rest before they are looked at, in milliseconds. */
  restMs: number
  /** How long the pipeline may take for everything after the last file has been sent. */
  timeoutMs: number
  /** The longest time from accepted to processed that a small text of another owner may take, at p99. */
  maxInnocentMs: number
  say(line: string): void
}

export interface SoakOutcome {
  violations: string[]
  table: string
  /** What each process wrote, by its name. */
  logs: Record<string, string>
}

const OWNERS = 10
const INNOCENT_EVERY_MS = 200
const SHARDS = 4
/** Transform processes without work end after 30 s. */
const CHILDREN_END_MS = 35_000
/** The last small texts were sent a moment before they are looked for. */
const LAST_TEXTS_MS = 60_000
/**
 * V8 gives memory back to the system late: after a thousand uploads a worker's live heap is as small as before, 33 MiB, and up to 240 MiB
 * more are resident than when it was idle. A leak of 100 KB an upload is more than this in a run of 3,000 files.
 */
const MAX_KEPT_MIB = 300
const MAX_KEPT_DESCRIPTORS = 64

/** One run: hostile files at once, small texts of another owner meanwhile, and then a look at what is left. */
export function runSoak(settings: SoakSettings): Promise<SoakOutcome> {
  return withScope(async scope => {
    const { seed, files, connections, onlyLight, say } = settings
    const fleet = await startFleet(scope, settings)
    const idle = new Map(fleet.slots.map(slot => [slot.name, usageOf(slot.pid)]))
    const watch = watchMemory(fleet.usages)
    scope.teardown(watch.stop)
    const delays = monitorEventLoopDelay({ resolution: 10 })
    delays.enable()

    const innocent = startInnocent(fleet.innocent, INNOCENT_EVERY_MS)
    const startedAt = performance.now()
    const sent = await sendFiles({ seed, files, owners: fleet.owners, connections, onlyLight })
    say(`${files} files were sent in ${Math.round((performance.now() - startedAt) / 1000)} s`)
    const verdicts = await awaitVerdicts(sent, fleet.owners, { timeoutMs: settings.timeoutMs, say })
    await innocent.stop()
    const { found, problems } = await findInnocent(innocent, fleet.innocent, settings.maxInnocentMs)
    say('the small texts are looked at; waiting for the processes to come to rest')
    await pass(settings.restMs)
    const rest = new Map(fleet.slots.map(slot => [slot.name, usageOf(slot.pid)]))

    const violations = [
      ...checkVerdicts(verdicts),
      ...(await checkOutputs(verdicts, fleet.owners)),
      ...innocent.problems,
      ...problems,
      ...(settings.restMs >= CHILDREN_END_MS ? checkRest(idle, rest) : []),
    ]
    const kept = fleet.slots.flatMap(({ pid }) => descendants(pid))
    const peak = new Map(watch.peaks)
    watch.stop()
    for (const slot of fleet.slots) await slot.close()
    violations.push(
      ...fleet.exits.map(
        ({ process, code, signal }) => `${process} ended by itself or with an error: ${code ?? signal}`,
      ),
      ...kept.filter(isAlive).map(pid => `the process ${pid} has outlived the one that started it`),
      ...(await findLeftovers(fleet.s3, fleet.temporary)),
      ...[...peak]
        .filter(([, { rssMiB }]) => fleet.limit === 'watched' && rssMiB > settings.limitMiB)
        .map(([name, { rssMiB }]) => `${name} and its children had ${Math.round(rssMiB)} MiB`),
    )
    const times = {
      'until accepted': timesOf(innocent.uploads.map(({ acceptedMs }) => acceptedMs)),
      'from accepted to processed': timesOf(found.map(lasted)),
    }
    const killed = fleet.groups.reduce((sum, group) => sum + group.kills(), 0)
    const table = [
      describeRun(verdicts, times, { idle, peak, rest }),
      '',
      `processes that the kernel killed at the limit: ${killed}`,
      // The tables of DynamoDB are in this process: what holds it up holds up the pipeline.
      `event loop delay of the embedded DynamoDB at p99: ${Math.round(delays.percentile(99) / 1e6)} ms`,
      `load of the machine: ${loadavg()
        .map(load => load.toFixed(1))
        .join(' ')} on ${availableParallelism()} processors`,
    ].join('\n')
    return { violations, table, logs: Object.fromEntries(fleet.slots.map(slot => [slot.name, slot.output])) }
  })
}

interface Fleet {
  slots: Slot[]
  exits: Exit[]
  groups: MemoryGroup[]
  /** Whether the kernel keeps the processes to the limit, or the run only watches them. */
  limit: 'kept' | 'watched'
  owners: Sender[]
  innocent: Sender
  /** The folder for temporary files of all processes. */
  temporary: string
  s3: Awaited<ReturnType<typeof startAws>>['s3']
  usages(): Iterable<readonly [string, TreeUsage]>
}

async function startFleet(scope: Scope, { workers, limitMiB, say }: SoakSettings): Promise<Fleet> {
  const [temporary, tries] = ['tmp', 'tries'].map(what => mkdtempSync(path.join(tmpdir(), `headgate-soak-${what}-`)))
  if (temporary === undefined || tries === undefined) throw new Error('Two folders were made.')
  scope.teardown(() => rmSync(temporary, { recursive: true, force: true }))
  scope.teardown(() => rmSync(tries, { recursive: true, force: true }))
  const aws = await startAws(scope, { shards: SHARDS })

  const groups = new Map<string, MemoryGroup>()
  const confine = (name: string, pid: number) => {
    const group = groups.get(name) ?? createMemoryGroup(name, limitMiB * 1024 ** 2)
    if (typeof group === 'string') return say(`${name} runs without a limit, and its memory is watched. ${group}`)
    groups.set(name, group)
    group.add(pid)
  }
  scope.teardown(() => Promise.all([...groups.values()].map(group => group.remove())))

  const exits: Exit[] = []
  const env = {
    ...aws.env,
    STREAM_NAME: names.stream,
    TRANSFORMS: JSON.stringify({ rules: rulesFor(tries) }),
    HOST: '127.0.0.1',
    PORT: '0',
    TMPDIR: temporary,
    // The cache of compiled code would be a file that stays.
    NODE_DISABLE_COMPILE_CACHE: '1',
  }
  const onExit = (exit: Exit) => {
    if (exit.asked === 'SIGTERM' && exit.code === 0) return
    exits.push(exit)
    say(`${exit.process} has ended by itself or with an error: ${exit.code ?? exit.signal}`)
  }
  const { api, worker } = fillSlots(scope, { api: 1, worker: workers }, { env, onExit, onStart: confine })
  const slots = [...api, ...worker]
  await Promise.all(slots.map(slot => slot.untilServing()))
  const url = () => api[0]?.url ?? 'http://127.0.0.1:9'
  const users = await createUsers(aws, OWNERS + 1)
  const senders = users.map(
    ({ authorization }): Sender => ({ api: url, authorization, maxRetryMs: 30_000, wait: ms => pass(ms) }),
  )
  const [innocent, ...owners] = senders
  if (!innocent) throw new Error('There is an innocent owner.')
  return {
    ...{ slots, exits, owners, innocent, temporary, s3: aws.s3 },
    groups: [...groups.values()],
    limit: groups.size === slots.length ? 'kept' : 'watched',
    usages: () => slots.map(slot => [slot.name, usageOf(slot.pid, groups.get(slot.name)?.pids())] as const),
  }
}

/** What a deployment would have besides the rules that come along. */
function rulesFor(tries: string): object[] {
  const module = path.resolve(import.meta.dirname, 'corpus/faulty-transform.ts')
  return [
    { filename: 'small-limit-*', transform: 'image', options: { maxBytes: 1_024 } },
    { filename: 'module-*', module, options: { folder: tries }, timeoutSeconds: 3 },
  ]
}

async function findInnocent(innocent: Innocent, sender: Sender, maxMs: number) {
  const found: FoundUpload[] = []
  const problems: string[] = []
  const deadline = performance.now() + LAST_TEXTS_MS
  await eachOf(innocent.uploads, async ({ uploadId }) => {
    let upload = await findUpload(sender, uploadId)
    while (upload?.status !== 'processed' && performance.now() < deadline) {
      await pass(500)
      upload = await findUpload(sender, uploadId)
    }
    if (upload?.status === 'processed') found.push(upload)
    else problems.push(`a small text of another owner is ${upload?.status ?? 'not there'}: ${uploadId}`)
  })
  const { p99 } = timesOf(found.map(lasted))
  if (p99 > maxMs) problems.push(`a small text of another owner takes ${p99} ms at p99, and may take ${maxMs} ms`)
  return { found, problems }
}

/** What a process keeps after it has come to rest. */
function checkRest(idle: ReadonlyMap<string, TreeUsage>, rest: ReadonlyMap<string, TreeUsage>): string[] {
  return [...rest].flatMap(([name, now]) => {
    const before = idle.get(name)
    if (!before) throw new Error(`${name} was looked at before.`)
    const keptMiB = Math.round(now.rssMiB - before.rssMiB)
    const keptFiles = now.descriptors - before.descriptors
    return [
      ...(keptMiB > MAX_KEPT_MIB ? [`${name} and its children keep ${keptMiB} MiB at rest`] : []),
      ...(keptFiles > MAX_KEPT_DESCRIPTORS ? [`${name} keeps ${keptFiles} open files at rest`] : []),
      ...(now.processes > 1 ? [`${name} keeps ${now.processes - 1} child processes at rest`] : []),
    ]
  })
}
