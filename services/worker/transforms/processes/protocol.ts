import type { CheckedOutput } from '../outputs.ts'
import type { TransformSource } from '../rules/transform-source.ts'
import type { TransformUpload } from '../transform.ts'

/** The port of what is said about the work, and not of its bytes. */
export const CONTROL = 0
/** The bodies of outputs have ports from here on. The parent numbers its own below. */
export const FIRST_BODY = 2 ** 31

/** The work on one upload, as a process is given it. */
export interface ProcessTask {
  source: TransformSource
  upload: TransformUpload
  /** The port that serves the upload's bytes. */
  input: number
  /** The port on which the outputs are served, each as a `RemoteOutput`. */
  outputs: number
}

/** An output, whose body is served by a port of its own. */
export interface RemoteOutput extends Omit<CheckedOutput, 'body'> {
  body: number
}
