import { UsageError } from '../../errors.ts'

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
