import { hash } from 'node:crypto'
import { setTimeout as pass } from 'node:timers/promises'
import { SeededRandom } from '../simulation/random.ts'
import { type Sender, sendUpload } from './clients/client.ts'
import { deleteUpload, lookUp } from './clients/delete.ts'
import type { LedgerEntry, LedgerFile } from './evidence/ledger.ts'
import { dueOf } from './plan/content.ts'
import { type PlannedFile, type PlannedUpload, planUpload } from './plan/uploads.ts'
import type { World } from './world/world.ts'

export interface LoadSettings {
  seed: number
  uploads: number
  /** Maximum average number of uploads that start per second. */
  rate: number
  /** Number of uploads that start at once, so that a fault finds some in flight and others waiting. */
  burst: number
  /** Maximum number of uploads in flight. */
  lanes: number
  /** How long an upload with an `Idempotency-Key` is retried, in milliseconds. */
  maxRetryMs: number
}

/** An address on which nobody listens. */
const NOWHERE = 'http://127.0.0.1:9'

/** Pause while no api serves. */
const LOOK_MS = 50

/** One in this many accepted uploads is read right away. */
const LOOKED_UP = 8

export interface Load {
  /**
   * Milliseconds of the plan that have passed: the time on the clock, or the time that the started uploads take at the
   * planned rate if that is less. So the plan takes longer on a slow machine.
   */
  elapsed(): number
  /** Resolves when no upload is in flight. */
  readonly over: Promise<void>
}

/** Sends the uploads of a run, and records the answers. */
export function startLoad({ slots, users }: World, settings: LoadSettings, ledger: LedgerEntry[]): Load {
  const { seed, uploads, rate, burst, lanes, maxRetryMs } = settings
  const random = new SeededRandom(seed + 2)
  const startedAt = performance.now()
  const later: Promise<void>[] = []
  let next = 0

  /** Picks an api like a load balancer, which knows only the recent state. */
  const api = () => random.pick(slots.api.flatMap(({ url }) => url ?? [])) ?? NOWHERE

  const lane = async () => {
    while (next < uploads) {
      const n = next++
      await pass(Math.max(0, startedAt + ((n - (n % burst)) * 1_000) / rate - performance.now()))
      while (slots.api.every(({ url }) => url === undefined)) await pass(LOOK_MS)
      const upload = planUpload(seed, n, users.length)
      const { owner = '', authorization = '' } = users[upload.user] ?? {}
      const sender: Sender = { authorization, maxRetryMs, wait: ms => pass(ms), api }
      const entry = await sendOne(sender, owner, upload)
      ledger.push(entry)
      if (upload.deleteAfterMs !== undefined) later.push(deleteLater(sender, entry, upload.deleteAfterMs))
    }
  }
  const all = async () => {
    await Promise.all(Array.from({ length: lanes }, lane))
    await Promise.all(later)
  }
  return {
    elapsed: () => Math.min(performance.now() - startedAt, (next * 1_000) / rate),
    over: all(),
  }
}

async function sendOne(sender: Sender, owner: string, upload: PlannedUpload): Promise<LedgerEntry> {
  const { n, format, files } = upload
  const sent = await sendUpload(sender, upload)
  const { answer } = sent
  const [uploadId] = answer.outcome === 'accepted' ? answer.uploadIds : []
  const lookedUp = uploadId !== undefined && n % LOOKED_UP === 0 ? await lookUp(sender, uploadId) : undefined
  return {
    ...{ n, owner, format, files: files.map(toLedger), ...sent, deletions: {} },
    ...(lookedUp !== undefined && { lookedUp }),
  }
}

async function deleteLater(sender: Sender, entry: LedgerEntry, afterMs: number): Promise<void> {
  if (entry.answer.outcome !== 'accepted') return
  await pass(afterMs)
  for (const uploadId of entry.answer.uploadIds) {
    entry.deletions[uploadId] = await deleteUpload(sender, uploadId)
  }
}

export function toLedger({ filename, kind, bytes }: PlannedFile): LedgerFile {
  const due = dueOf(kind, bytes)
  return {
    ...{ filename, size: bytes.byteLength, sha256: hash('sha256', bytes), md5: hash('md5', bytes) },
    due: due.status === 'failed' ? due : { status: 'processed', sha256: hash('sha256', due.bytes) },
  }
}
