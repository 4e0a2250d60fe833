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
  /** Uploads that begin within a second, on average at most. */
  rate: number
  /** So many of them begin at once, so that a blow finds some under way and others waiting. */
  burst: number
  /** Uploads under way at a time, at most. */
  lanes: number
  /** How long an upload with an `Idempotency-Key` is sent again, in milliseconds. */
  patienceMs: number
}

/** Nobody listens there. */
const NOWHERE = 'http://127.0.0.1:9'

/** While no api serves, nothing is sent. */
const LOOK_MS = 50

/** One in so many accepted uploads is asked for right away. */
const LOOKED_UP = 8

export interface Load {
  /**
   * Milliseconds of the plan that have passed: no more than on the clock, and no more than the uploads that have begun take at
   * their rate. On a machine that cannot keep up the plan takes longer.
   */
  elapsed(): number
  /** Resolves when nothing is under way any more. */
  readonly over: Promise<void>
}

/** Sends the uploads of a run, and writes down what was answered. */
export function startLoad({ slots, users }: World, settings: LoadSettings, ledger: LedgerEntry[]): Load {
  const { seed, uploads, rate, burst, lanes, patienceMs } = settings
  const random = new SeededRandom(seed + 2)
  const startedAt = performance.now()
  const later: Promise<void>[] = []
  let next = 0

  /** As a load balancer does, which knows only what was a moment ago. */
  const api = () => random.pick(slots.api.flatMap(({ url }) => url ?? [])) ?? NOWHERE

  const lane = async () => {
    while (next < uploads) {
      const n = next++
      await pass(Math.max(0, startedAt + ((n - (n % burst)) * 1_000) / rate - performance.now()))
      while (slots.api.every(({ url }) => url === undefined)) await pass(LOOK_MS)
      const upload = planUpload(seed, n, users.length)
      const { owner = '', authorization = '' } = users[upload.user] ?? {}
      const sender: Sender = { authorization, patienceMs, wait: ms => pass(ms), api }
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
  const { n, way, files } = upload
  const sent = await sendUpload(sender, upload)
  const { answer } = sent
  const [uploadId] = answer.outcome === 'accepted' ? answer.uploadIds : []
  const lookedUp = uploadId !== undefined && n % LOOKED_UP === 0 ? await lookUp(sender, uploadId) : undefined
  return {
    ...{ n, owner, way, files: files.map(toLedger), ...sent, deletions: {} },
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
