import { existsSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import path from 'node:path'
import { ConsoleStartError } from './errors.ts'

/** The files of the page by their names. */
export type PageFiles = ReadonlyMap<string, Uint8Array>

/** Exists only in a clone. The npm package and the image have the finished files instead. */
const BUILDER = path.join(import.meta.dirname, 'page/build.ts')

/** The functions of `page/build.ts`. A static import would put esbuild into the package. */
interface Builder {
  buildPage(): Promise<Map<string, Uint8Array>>
}

const FOLDER = path.join(import.meta.dirname, 'page')

/**
 * Resolves to the files of the page: the finished ones, or in a clone, which has none, the result of bundling them.
 *
 * @throws ConsoleStartError
 */
export async function loadPageFiles(): Promise<PageFiles> {
  if (existsSync(path.join(FOLDER, 'page.js'))) return await readFinished()
  if (!existsSync(BUILDER)) {
    throw new ConsoleStartError(`This installation has no page of the console: ${FOLDER} is missing. Install it again.`)
  }
  try {
    const { buildPage } = (await import(BUILDER)) as Builder
    return await buildPage()
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new ConsoleStartError(`The page of the console cannot be bundled. Run npm ci. ${reason}`, { cause })
  }
}

async function readFinished(): Promise<PageFiles> {
  // In the image of the embedded AWS, the sources lie beside them.
  const names = (await readdir(FOLDER)).filter(name => path.extname(name) in TYPES)
  return new Map(await Promise.all(names.map(async name => [name, await readFile(path.join(FOLDER, name))] as const)))
}

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
}

export function contentTypeOf(name: string): string {
  return TYPES[path.extname(name)] ?? 'application/octet-stream'
}
