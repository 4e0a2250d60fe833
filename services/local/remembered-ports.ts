import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { type Static, Type } from 'typebox'
import { Compile } from 'typebox/compile'

const port = Type.Integer({ minimum: 1, maximum: 65_535 })
const schema = Type.Object({ s3: port, dynamodb: port, kinesis: port, cognito: port })
const contract = Compile(schema)

export type Ports = Static<typeof schema>

/**
 * The ports that the servers of a data directory had when it was last used: a token names Cognito's in its issuer, and is
 * good for as long as that is the same. Empty at its first use.
 *
 * @throws Error where the file holds something else
 */
export function readPorts(folder: string): Partial<Ports> {
  const found = readJson(fileIn(folder))
  if (found === undefined) return {}
  if (contract.Check(found)) return found
  throw new Error('its ports.json does not hold ports. Remove that file, and new ones are chosen')
}

export function rememberPorts(folder: string, ports: Ports): void {
  const file = fileIn(folder)
  // Beside its place and then put there whole: a file cut short would keep the directory from being used again.
  writeFileSync(`${file}.next`, `${JSON.stringify(ports)}\n`)
  renameSync(`${file}.next`, file)
}

function fileIn(folder: string): string {
  return path.join(folder, 'ports.json')
}

/** Undefined where there is no such file, null where it is not JSON. */
function readJson(file: string): unknown {
  if (!existsSync(file)) return undefined
  try {
    return JSON.parse(readFileSync(file, 'utf8'))
  } catch (error) {
    if (error instanceof SyntaxError) return null
    throw error
  }
}
