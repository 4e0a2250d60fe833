import type { CheckedOutput } from '../outputs.ts'
import type { TransformSource } from '../rules/transform-source.ts'
import type { TransformUpload } from '../transform.ts'

/** The port of messages about the work. Bytes have other ports. */
export const CONTROL = 0
/** The first port of bodies of outputs. The parent uses lower ports. */
export const FIRST_BODY = 2 ** 31

/** The work on one upload, as it is sent to a process. */
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
