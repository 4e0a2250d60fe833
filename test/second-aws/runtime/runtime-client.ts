/**
 * Compiles AWS's runtime client for Lambda (aws-lambda-ric), as the Dockerfile does, for tests that run functions without Docker. It is
 * compiled once and kept below node_modules/.cache. It needs cmake, g++, make and python3, and takes some minutes:
 *
 *     npx node test/second-aws/runtime/runtime-client.ts
 */
import { execFileSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs'
import path from 'node:path'

const root = path.resolve(import.meta.dirname, '../../..')

/** What the Dockerfile installs, such as `4.0.2`, and the files of the package that it takes into the image. */
interface DockerfileClient {
  version: string
  files: string[]
}

/** Reads the version and the files from the Dockerfile, so that the tests run what the image has. */
function clientOfDockerfile(): DockerfileClient {
  const text = readFileSync(path.join(root, 'Dockerfile'), 'utf8')
  const version = /\baws-lambda-ric@(\S+)/.exec(text)?.[1]
  const files = /&& cp (.+) \/client\/aws-lambda-ric\b/.exec(text)?.[1]?.split(' ')
  if (version === undefined || files === undefined)
    throw new Error('The Dockerfile does not install aws-lambda-ric as this program expects it to.')
  return { version, files }
}

const { version, files } = clientOfDockerfile()

/** The folder with the compiled client: what the image has as `/lambda/node_modules/aws-lambda-ric`. */
export const runtimeClient = path.join(
  root,
  `node_modules/.cache/aws-lambda-ric/${version}-node${process.versions.modules}`,
)

/** The version of aws-lambda-ric that the Dockerfile installs. */
export const runtimeClientVersion = version

/** Returns why functions cannot run under the client, or undefined if they can. */
export function runtimeClientMissing(): string | undefined {
  if (existsSync(path.join(runtimeClient, 'rapid-client.node'))) return undefined
  return 'aws-lambda-ric is not compiled: npx node test/second-aws/runtime/runtime-client.ts'
}

/** The folder whose `include/node` has the headers of this Node, where its package brings them along. */
function nodeHeaders(): string | undefined {
  const bin = path.dirname(process.execPath)
  const platform = `../node_modules/node-${process.platform}-${process.arch}`
  const folders = [path.resolve(bin, '..'), path.resolve(bin, platform)]
  return folders.find(folder => existsSync(path.join(folder, 'include/node/node_api.h')))
}

/** Compiles the client. Another process that does the same at the same time does no harm: the folder appears whole. */
function compile(): void {
  const cache = path.dirname(runtimeClient)
  mkdirSync(cache, { recursive: true })
  const build = mkdtempSync(path.join(cache, 'build-'))
  try {
    const nodedir = nodeHeaders()
    const env = { ...process.env, ...(nodedir !== undefined && { npm_config_nodedir: nodedir }) }
    const install = ['install', '--omit=dev', '--no-package-lock', '--prefix', build, `aws-lambda-ric@${version}`]
    execFileSync('npm', install, { cwd: build, env, stdio: 'inherit' })
    const made = path.join(build, 'made')
    for (const file of files) cpSync(path.join(build, 'node_modules/aws-lambda-ric', file), path.join(made, file))
    if (!existsSync(runtimeClient)) renameSync(made, runtimeClient)
  } finally {
    rmSync(build, { recursive: true, force: true })
  }
}

if (import.meta.main && runtimeClientMissing() !== undefined) compile()
