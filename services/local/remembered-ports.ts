import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { type Static, Type } from 'typebox'
import { Compile } from 'typebox/compile'

const port = Type.Integer({ minimum: 1, maximum: 65_535 })
const schema = Type.Object({ s3: port, dynamodb: port, kinesis: port, cognito: port })
const contract = Compile(schema)

export type Ports = Static<typeof schema>

/**
 * Returns the ports that the servers of a data directory had when it was last used. Empty for a new directory. The
 * issuer of a token contains the port of Cognito, so a token stays valid only if that port stays the same.
 *
 * @throws Error if the file holds something else
 */
export function readPorts(folder: string): Partial<Ports> {
  const found = readJson(fileIn(folder))
  if (found === undefined) return {}
  if (contract.Check(found)) return found
  throw new Error('its ports.json holds no ports. Delete that file to let new ports be chosen')
}

export function rememberPorts(folder: string, ports: Ports): void {
  const file = fileIn(folder)
  // Written to a temporary file and then renamed: after a crash in the middle of a write, the directory could not be
  // used again.
  writeFileSync(`${file}.next`, `${JSON.stringify(ports)}\n`)
  renameSync(`${file}.next`, file)
}

function fileIn(folder: string): string {
  return path.join(folder, 'ports.json')
}

/** Returns undefined if the file does not exist, and null if it is not JSON. */
function readJson(file: string): unknown {
  if (!existsSync(file)) return undefined
  try {
    return JSON.parse(readFileSync(file, 'utf8'))
  } catch (error) {
    if (error instanceof SyntaxError) return null
    throw error
  }
}
