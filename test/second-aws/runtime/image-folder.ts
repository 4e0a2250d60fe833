import { execFile } from 'node:child_process'
import { cpSync } from 'node:fs'
import path from 'node:path'
import { promisify } from 'node:util'
import { bundle } from '../../../image/bundle.ts'
import { copyPackages } from '../../../image/packages.ts'
import { runtimeClient } from './runtime-client.ts'

const root = path.resolve(import.meta.dirname, '../../..')
const run = promisify(execFile)

/**
 * Lays out the image's file system in a folder, without Docker: `app/` with the bundle, its compiled code and the packages beside it,
 * and `lambda/` with AWS's runtime client. Resolves to the path of `app/`.
 */
export async function layOutImage(folder: string): Promise<string> {
  const app = path.join(folder, 'app')
  const services = path.join(app, 'dist/services')
  await bundle(root, services)
  copyPackages(root, app)
  for (const file of ['package.json', 'LICENSE']) cpSync(path.join(root, file), path.join(app, file))
  cpSync(runtimeClient, path.join(folder, 'lambda/node_modules/aws-lambda-ric'), { recursive: true })
  await run(process.execPath, [path.join(root, 'image/warm-up.ts'), services], { env: plainEnv() })
  return app
}

/** The variables of a function: none of the test runner's, and none of the developer's own AWS account. */
export function plainEnv(): NodeJS.ProcessEnv {
  const { PATH = '', TMPDIR = '/tmp' } = process.env
  return { PATH: `${path.dirname(process.execPath)}${path.delimiter}${PATH}`, TMPDIR, HOME: '/' }
}
