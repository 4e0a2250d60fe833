import { execFileSync } from 'node:child_process'
import { accessSync, constants, readFileSync, realpathSync } from 'node:fs'
import path from 'node:path'

export type ServerName = 'ministack' | 'moto'

interface Needs {
  command: string
  install: string
  modules: readonly string[]
  /** The oldest version that the tests are known to pass on. */
  minVersion: string
}

/** The packages that a server needs. Their modules have the same names. */
const NEEDS = {
  ministack: {
    minVersion: '1.5.33',
    command: 'ministack',
    install: 'pip install ministack cbor2 cryptography boto3',
    // Without cryptography, ministack signs its tokens with a constant. Without cbor2, it does not support the SDK's
    // Kinesis protocol.
    modules: ['ministack', 'cbor2', 'cryptography', 'boto3'],
  },
  moto: {
    // moto 5.2.1 ignores the Content-Disposition that a presigned URL asks for.
    minVersion: '5.2.5',
    command: 'moto_server',
    install: "pip install 'moto[server]' boto3",
    modules: ['moto', 'flask', 'boto3'],
  },
} as const satisfies Record<ServerName, Needs>

export interface Installed {
  /** The Python interpreter that the server is installed for. It has boto3. */
  python: string
  /** The versions of the server and its packages, such as `ministack 1.5.33`. */
  versions: string
}

/** The server or one of its packages is not installed. The message says what to install. */
export class NotInstalledError extends Error {
  override readonly name = 'NotInstalledError'
  readonly code = 'HEADGATE_TEST_NOT_INSTALLED'
}

const known = new Map<ServerName, Installed | NotInstalledError>()

/** Returns what to install, for the `skip` of a test, or false if everything is installed. */
export function notInstalled(server: ServerName): string | false {
  const found = look(server)
  return found instanceof NotInstalledError ? found.message : false
}

/** @throws NotInstalledError */
export function findInstalled(server: ServerName): Installed {
  const found = look(server)
  if (found instanceof NotInstalledError) throw found
  return found
}

function look(server: ServerName): Installed | NotInstalledError {
  const found = known.get(server) ?? find(server)
  known.set(server, found)
  return found
}

function find(server: ServerName): Installed | NotInstalledError {
  const { command, install, modules, minVersion } = NEEDS[server]
  const file = onPath(command)
  if (file === undefined) return new NotInstalledError(`${server} is not installed: ${install}`)
  const python = interpreterOf(file)
  let answer: Modules
  try {
    answer = ask(python, modules)
  } catch (cause) {
    return new NotInstalledError(`${python}, the Python interpreter of ${file}, does not run: ${install}`, { cause })
  }
  const { missing, versions } = answer
  const [, version = ''] = new RegExp(`^${server} ([\\d.]+)`).exec(versions) ?? []
  if (missing.length === 0 && isOlder(version, minVersion)) {
    return new NotInstalledError(
      `${server} ${version} is installed, and ${minVersion} is needed: ${python} -m pip install -U ${server}`,
    )
  }
  if (missing.length === 0) return { python, versions }
  const those = missing.join(' ')
  return new NotInstalledError(`${server} has no ${missing.join(' and no ')}: ${python} -m pip install ${those}`)
}

/** Compares versions such as `5.2.10` number by number. */
function isOlder(version: string, than: string): boolean {
  return version.localeCompare(than, 'en', { numeric: true }) < 0
}

function onPath(command: string): string | undefined {
  const files = (process.env.PATH ?? '').split(path.delimiter).map(folder => path.join(folder, command))
  return files.find(file => {
    try {
      accessSync(file, constants.X_OK)
      return true
    } catch {
      return false
    }
  })
}

/**
 * Returns the interpreter in the first lines of a script that pip wrote. Its virtual environment may not be on PATH.
 * Version managers such as pyenv replace the script with their own program, and have one for python3 beside it.
 */
function interpreterOf(file: string): string {
  const head = readFileSync(realpathSync(file), 'latin1').slice(0, 1_024)
  // If the path is too long for a first line or has a space, pip makes /bin/sh execute it.
  const [, named] =
    /^#!(?:\/usr\/bin\/env )?(\S*python\S*)/.exec(head) ?? /^'''exec' "?([^"\n]+?)"? "\$0"/m.exec(head) ?? []
  return named ?? path.join(path.dirname(file), 'python3')
}

const PROGRAM = `
import importlib.metadata, importlib.util, json, platform, sys
names = sys.argv[1:]
missing = [name for name in names if importlib.util.find_spec(name) is None]
versions = [f'{name} {importlib.metadata.version(name)}' for name in names if name not in missing]
print(json.dumps({'missing': missing, 'versions': ', '.join(versions + [f'Python {platform.python_version()}'])}))
`

interface Modules {
  missing: string[]
  versions: string
}

function ask(python: string, modules: readonly string[]): Modules {
  return JSON.parse(execFileSync(python, ['-c', PROGRAM, ...modules], { encoding: 'utf8', stdio: 'pipe' })) as Modules
}
