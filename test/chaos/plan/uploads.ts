import { SeededRandom } from '../../simulation/random.ts'
import { bytesOf, type ContentKind, contentTypeOf, hostileKinds } from './content.ts'

/** How an upload is sent. `once`: as JSON with an `Idempotency-Key`, again and again until it is answered. */
export const ways = ['json', 'form', 'raw', 'grant', 'tus', 'once'] as const

export type Way = (typeof ways)[number]

/** A file as a client sends it. */
export interface SentFile {
  filename: string
  contentType: string
  bytes: Buffer
}

/** What a client sends, and how. */
export interface SentUpload {
  way: Way
  /** One, but for a form. */
  files: readonly SentFile[]
}

export interface PlannedFile extends SentFile {
  /** No other file of the run has it. */
  filename: string
  kind: ContentKind
}

export interface PlannedUpload {
  /** From 0. */
  n: number
  /** Which of the users. */
  user: number
  way: Way
  /** One, but for a form. */
  files: PlannedFile[]
  /** Asked for so long after the answer, in milliseconds. */
  deleteAfterMs?: number
}

/** Of a hundred uploads. */
const SHARE: Record<Way, number> = { json: 40, form: 22, raw: 22, grant: 4, tus: 4, once: 8 }
const DELETED = 0.06
const HOSTILE = 0.15

/** The uploads of a run. Each is a function of the seed and its number alone. */
export function planUpload(seed: number, n: number, users: number): PlannedUpload {
  const random = new SeededRandom(Math.imul(seed, 1_000_003) + n)
  const way = pickWay(random.next() * 100)
  const count = way === 'form' && random.chance(0.3) ? random.integer(2, 4) : 1
  const files = Array.from({ length: count }, (_, i) => planFile(random, way, `${seed}-${n}-${i}`))
  const isDeleted = random.chance(DELETED)
  const deleteAfterMs = Math.floor(random.between(0, 3_000))
  return { n, user: random.integer(0, users - 1), way, files, ...(isDeleted && { deleteAfterMs }) }
}

function planFile(random: SeededRandom, way: Way, label: string): PlannedFile {
  const kind = pickKind(random, way)
  const bytes = bytesOf(kind, label, sizeOf(random))
  return { filename: `${label}.${kind === 'binary' ? 'bin' : 'txt'}`, contentType: contentTypeOf(kind), kind, bytes }
}

function pickWay(at: number): Way {
  let upTo = 0
  for (const way of ways) {
    upTo += SHARE[way]
    if (at < upTo) return way
  }
  return 'json'
}

/** JSON has text alone, and only good one. */
function pickKind(random: SeededRandom, way: Way): ContentKind {
  if (way === 'json' || way === 'once') return 'text'
  if (random.chance(HOSTILE)) return random.pick(hostileKinds) ?? 'bad-text'
  return random.chance(0.5) ? 'binary' : 'text'
}

/** Most are small. Some go past what is put whole, at 128 KiB. */
function sizeOf(random: SeededRandom): number {
  const at = random.next()
  if (at < 0.05) return 1
  return at < 0.98 ? random.integer(2, 12_000) : random.integer(130_000, 400_000)
}
