import type { SentFile } from '../../chaos/plan/uploads.ts'
import type { SeededRandom } from '../../simulation/random.ts'

/** Where an upload may end: the api does not accept it, a worker has processed it, or it has failed with a code. */
export type End = 'refused' | 'processed' | `HEADGATE_${string}`

export const REFUSED_BY_TRANSFORM = 'HEADGATE_TRANSFORM_REFUSED'

/** A kind of file, and what has to become of each file of the kind. */
export interface Kind {
  name: string
  /** How many of a thousand files are of this kind, about. */
  weight: number
  /** A file of the kind keeps a processor, or a place, for seconds. */
  isHeavy?: true
  /** More than one where what is right depends on the decoder. */
  ends: readonly End[]
  /** Makes a file. The label is in no other file of the run; the name may be chosen from it. */
  make(label: string, random: SeededRandom): Promise<SentFile> | SentFile
  /** The main output, where it is known. */
  output?(file: SentFile): Buffer
}
