import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { TransformSourceError } from '../../errors.ts'

/** Maximum time to find the line of a syntax error, in milliseconds. */
const LOCATE_MS = 10_000

/** The line that Node puts above the source of a fault: a file and the number of a line. */
const POSITION = /^(?:file:\/\/)?\/\S.*:\d+$/m

/** @throws TransformSourceError with the file and the line at fault, if they are known */
export async function importModule(specifier: string): Promise<Record<string, unknown>> {
  try {
    return (await import(specifier)) as Record<string, unknown>
  } catch (cause) {
    const place = await placeOf(cause, specifier)
    const problem = `${importMessage(cause, specifier)}${place === undefined ? '' : ` (${place})`}`
    throw new TransformSourceError('module', `${specifier} cannot be loaded: ${problem}`, { cause })
  }
}

/** The importer of the module itself is Headgate, which means nothing to the author of a rule. */
function importMessage(error: unknown, specifier: string): string {
  const text = messageOf(error)
  const isMissing = error instanceof Error && 'url' in error && error.url === specifier
  return isMissing || text.startsWith(`Cannot find package '${specifier}' `)
    ? text.replace(/ imported from .*$/, '')
    : text
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

/** Returns the file and the line of an error: where it was thrown, or where the syntax is wrong. */
async function placeOf(error: unknown, specifier: string): Promise<string | undefined> {
  if (!(error instanceof Error)) return undefined
  const stack = error.stack ?? ''
  const position = POSITION.exec(stack.split('\n    at ')[0] ?? '')?.[0]
  if (position !== undefined) return toPath(position)
  // The message names the importer.
  if ('code' in error && error.code === 'ERR_MODULE_NOT_FOUND') return undefined
  const frame = frameOf(stack)
  if (frame !== undefined || !(error instanceof SyntaxError)) return frame
  // Node keeps the line of a syntax error in an ES module to itself, and prints it only when the error ends the process.
  return await locate(specifier)
}

const FRAME = /^ {4}at (?:async |.*\()?((?:file:\/\/)?\/[^()\n]+):(\d+:\d+)\)?$/gm

/** Returns the position of the innermost frame that is in a file, unless it belongs to the code that imports the module. */
function frameOf(stack: string): string | undefined {
  // In the container image the code is bundled, and this file has the name of a bundle.
  const [here] = framesOf(new Error().stack ?? '')
  const [innermost] = framesOf(stack)
  return innermost && innermost.file !== here?.file ? `${innermost.file}:${innermost.line}` : undefined
}

function framesOf(stack: string): Array<{ file: string; line: string }> {
  return [...stack.matchAll(FRAME)].map(([, file = '', line = '']) => ({ file: toPath(file), line }))
}

/** Imports the module in a process of its own, which ends with the error, and reads the position from what Node prints. */
async function locate(specifier: string): Promise<string | undefined> {
  const program = ['--input-type=module', '--eval', `await import(${JSON.stringify(specifier)})`]
  const printed = await new Promise<string>(resolve => {
    execFile(process.execPath, program, { timeout: LOCATE_MS, killSignal: 'SIGKILL' }, (_error, _stdout, stderr) =>
      resolve(stderr),
    )
  })
  const position = POSITION.exec(printed)?.[0]
  return position && toPath(position)
}

/** Turns a file URL, which may end with a line, into a path. */
function toPath(file: string): string {
  return file.startsWith('file://') ? fileURLToPath(file) : file
}
