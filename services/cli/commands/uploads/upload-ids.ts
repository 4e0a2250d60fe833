import { exitCodes, UsageError } from '../../errors.ts'
import type { Output } from '../../output.ts'

const UUID = /^[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/i

/** Checks the operands of a command that takes ids of uploads. @throws UsageError */
export function uploadIds(operands: readonly string[]): string[] {
  if (operands.length === 0) throw new UsageError('Name an upload by its id. `headgate ls` lists the ids.')
  for (const text of operands) {
    if (!UUID.test(text)) throw new UsageError(`'${text}' is no id of an upload. \`headgate ls\` lists the ids.`)
  }
  return operands.map(text => text.toLowerCase())
}

/** Checks the operands of a command that takes the id of one upload. @throws UsageError */
export function uploadId(operands: readonly string[]): string {
  const [id = '', ...more] = uploadIds(operands)
  if (more.length > 0) throw new UsageError('This command takes one id.')
  return id
}

/**
 * Runs a function for each id, also after one has failed. Resolves to the exit code.
 *
 * @param run resolves to false if the upload counts as failed
 * @throws the error of the only id, and the reason of the signal
 */
export async function forEachUpload(
  ids: readonly string[],
  { signal, output }: { signal: AbortSignal; output: Output },
  run: (id: string, index: number) => Promise<boolean>,
): Promise<number> {
  let code: number = exitCodes.done
  for (const [index, id] of ids.entries()) {
    try {
      if (!(await run(id, index))) code = exitCodes.failed
    } catch (error) {
      signal.throwIfAborted()
      if (ids.length === 1) throw error
      output.failure(error, `${id}: `, { uploadId: id })
      code = exitCodes.failed
    }
  }
  return code
}
