import type { Failure } from '../snapshot.ts'
import { lines, RequestError } from './api.ts'

/**
 * Calls a function with each line of a response. Resolves to the failure of the request, or undefined.
 *
 * @throws the error that is a bug
 */
export async function readLines<Line>(
  path: string,
  signal: AbortSignal,
  onLine: (line: Line) => void,
): Promise<Failure | undefined> {
  try {
    for await (const line of lines<Line>(path, signal)) onLine(line)
    return undefined
  } catch (error) {
    if (signal.aborted) return undefined
    if (!(error instanceof RequestError) && !(error instanceof TypeError)) throw error
    return error instanceof RequestError ? error.failure : { title: 'The connection was lost.', advice: '' }
  }
}
