import { spawn } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'
import { json } from 'node:stream/consumers'
import { CorpusUnavailableError } from './fetch-package.ts'

export type PythonQuestion =
  | { readonly read: 'text'; readonly path: string; readonly codec: string }
  | { readonly read: 'table'; readonly path: string }

/** Text, or a table with the codec that it was decoded with. Null where Python cannot read the file. */
export interface PythonAnswer {
  readonly text?: string
  readonly rows?: readonly (readonly string[])[]
  readonly codec?: string
}

const program = path.join(import.meta.dirname, 'read.py')

/**
 * Has Python's codecs and its `csv` read files. The answers are in the order of the questions.
 *
 * @throws CorpusUnavailableError without Python
 */
export async function readWithPython(questions: readonly PythonQuestion[]): Promise<(PythonAnswer | null)[]> {
  const python = spawn('python3', [program], { stdio: ['pipe', 'pipe', 'inherit'] })
  await once(python, 'spawn').catch(cause => {
    throw new CorpusUnavailableError('python3 is not installed', { cause })
  })
  const answered = json(python.stdout) as Promise<(PythonAnswer | null)[]>
  python.stdin.end(JSON.stringify(questions))
  return answered
}
