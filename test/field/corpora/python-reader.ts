import { spawn } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'
import { json } from 'node:stream/consumers'
import { CorpusUnavailableError } from './fetch-package.ts'

export type PythonQuestion =
  | { readonly read: 'text'; readonly path: string; readonly codec: string }
  | { readonly read: 'table'; readonly path: string }
  | { readonly read: 'image'; readonly path: string }

/** The text, or the table with the codec that decoded it. Null if Python cannot read the file. */
export interface PythonAnswer {
  readonly text?: string
  readonly rows?: readonly (readonly string[])[]
  readonly codec?: string
  /** A PNG of the image, in base64. */
  readonly png?: string
}

const program = path.join(import.meta.dirname, 'read.py')

/**
 * Reads files with Python's codecs, its `csv` module and Pillow. The answers are in the order of the questions.
 *
 * @param packages the folder that Pillow is imported from
 * @throws CorpusUnavailableError without Python
 */
export async function readWithPython(
  questions: readonly PythonQuestion[],
  packages?: string,
): Promise<(PythonAnswer | null)[]> {
  const env = { ...process.env, ...(packages !== undefined && { PYTHONPATH: packages }) }
  const python = spawn('python3', [program], { stdio: ['pipe', 'pipe', 'inherit'], env })
  await once(python, 'spawn').catch(cause => {
    throw new CorpusUnavailableError('python3 is not installed', { cause })
  })
  const answered = json(python.stdout) as Promise<(PythonAnswer | null)[]>
  python.stdin.end(JSON.stringify(questions))
  return answered
}
