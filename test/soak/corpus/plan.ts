import type { SentFile, UploadFormat } from '../../chaos/plan/uploads.ts'
import { SeededRandom } from '../../simulation/random.ts'
import { images } from './images.ts'
import type { Kind } from './kind.ts'
import { others } from './others.ts'
import { tables } from './tables.ts'
import { texts } from './texts.ts'

export const kinds: readonly Kind[] = [...texts, ...tables, ...images, ...others]

const light = kinds.filter(({ isHeavy }) => !isHeavy)

export interface PlannedSoakFile {
  n: number
  kind: Kind
  /** Index of the owner that sends it. The first owner sends more than all others. */
  owner: number
  format: UploadFormat
  file: SentFile
}

const HEAVY_SHARE = 0.6

/** Returns a file of the run: a function of the seed and the number alone. The first files are one of each kind. */
export async function planSoakFile(
  seed: number,
  n: number,
  { owners, onlyLight }: { owners: number; onlyLight: boolean },
): Promise<PlannedSoakFile> {
  const random = new SeededRandom(Math.imul(seed, 1_000_003) + n)
  const all = onlyLight ? light : kinds
  const kind = all[n] ?? pickKind(all, random.next())
  const owner = random.chance(HEAVY_SHARE) ? 0 : random.integer(1, owners - 1)
  // A form would change values that only the query of a raw body can carry.
  const mustBeRaw = kind.name.includes('name')
  const format = mustBeRaw || random.chance(0.7) ? 'raw' : (random.pick(['form', 'tus'] as const) ?? 'form')
  const file = await kind.make(`${seed}-${n}`, random)
  return { n, kind, owner, format: file.bytes.byteLength === 0 ? 'raw' : format, file }
}

function pickKind(all: readonly Kind[], roll: number): Kind {
  let at = roll * all.reduce((sum, { weight }) => sum + weight, 0)
  for (const kind of all) {
    at -= kind.weight
    if (at < 0) return kind
  }
  throw new RangeError(`A roll is under 1: ${roll}`)
}
