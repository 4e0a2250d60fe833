import type { SentFile } from '../../chaos/plan/uploads.ts'
import type { SeededRandom } from '../../simulation/random.ts'

/** The final state of an upload: rejected by the api, processed, or failed with a code. */
export type End = 'refused' | 'processed' | `HEADGATE_${string}`

export const REFUSED_BY_TRANSFORM = 'HEADGATE_TRANSFORM_REFUSED'

/** A kind of file, and the expected state of its files. */
export interface Kind {
  name: string
  /** Approximate number of files of this kind in a thousand. */
  weight: number
  /** A file of this kind uses a processor or a place for seconds. */
  isHeavy?: true
  /** More than one if the correct state depends on the decoder. */
  ends: readonly End[]
  /** Creates a file. The label is unique within the run; the name may be derived from it. */
  make(label: string, random: SeededRandom): Promise<SentFile> | SentFile
  /** The main output, if it is known. */
  output?(file: SentFile): Buffer
}
