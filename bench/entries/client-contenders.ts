import { execFileSync } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import type { FileSet } from '../lib/file-set.ts'
import type { Contender } from '../lib/report.ts'
import type { Command } from '../lib/timed-command.ts'

/** Where a program uploads to. */
export interface Target {
  /** The URL of the api. */
  api: string
  token: string
  /** The bucket of programs that upload straight to S3. */
  bucket: string
  /** A folder for files that a program reads besides the uploads. */
  scratch: string
  /** The root of the compiled programs, and their extension. */
  programs: { root: string; extension: string }
}

/** A program that uploads files. */
export interface ClientContender extends Contender {
  /** Where the files arrive: as uploads of the user, or as objects in the bucket. */
  readonly arrives: 'uploads' | 'objects'
  /** Returns the command line. */
  command(files: FileSet, target: Target): Command | Promise<Command>
}

/** The number of files or parts that a program sends at once, if it can be set. It is the default of `headgate upload`. */
const CONCURRENCY = 4

const node = (target: Target, program: string, ...args: string[]): Command => ({
  file: process.execPath,
  args: [path.join(target.programs.root, program + target.programs.extension), ...args],
})

export const headgateUpload: ClientContender = {
  name: 'headgate upload',
  does: 'looks for the files among the uploads of the user; SHA-256; small files raw, a large file in parts straight to S3; continues after a crash',
  arrives: 'uploads',
  command: ({ folder }, target) => node(target, 'services/cli/headgate', 'upload', '--recursive', folder),
}

export const clientProgram: ClientContender = {
  name: 'client library',
  does: `bench/contenders/client-program.ts, with @headgate/client: SHA-256; small files raw, ${CONCURRENCY} at once, a large file in parts straight to S3; verifies what was stored`,
  arrives: 'uploads',
  command: ({ folder }, target) => node(target, 'bench/contenders/client-program', folder),
}

export const awsCopy: ClientContender = {
  name: 'aws s3 cp',
  does: 'into a bucket, 10 requests at once, with a checksum: no token, no record, no event',
  arrives: 'objects',
  command: ({ folder }, { bucket }) => ({
    file: 'aws',
    args: ['s3', 'cp', '--recursive', '--no-progress', folder, `s3://${bucket}/`],
  }),
}

export const curl: ClientContender = {
  name: 'curl',
  does: `one process: a raw body for each file, ${CONCURRENCY} at once. No checksum, no retry`,
  arrives: 'uploads',
  async command({ paths }, { api, token, scratch }) {
    const config = path.join(scratch, 'curl.txt')
    await writeFile(config, paths.map(file => curlTransfer(file, api, token)).join('\nnext\n'))
    return { file: 'curl', args: ['-q', '--parallel', '--parallel-max', String(CONCURRENCY), '--config', config] }
  },
}

/** `upload-file` reads the file while it is sent. `data-binary` would hold it in memory. */
function curlTransfer(file: string, api: string, token: string): string {
  return [
    `url = "${api}/uploads?filename=${path.basename(file)}"`,
    'request = "POST"',
    `upload-file = "${file.replaceAll(/["\\]/g, String.raw`\$&`)}"`,
    `header = "Authorization: Bearer ${token}"`,
    'header = "Content-Type: application/octet-stream"',
    'output = "/dev/null"',
    'silent',
    'show-error',
    'fail',
  ].join('\n')
}

export const tusProgram: ClientContender = {
  name: 'tus-js-client',
  does: `bench/contenders/tus-program.ts: two requests for each file, ${CONCURRENCY} files at once. No checksum`,
  arrives: 'uploads',
  command: ({ folder }, target) => node(target, 'bench/contenders/tus-program', folder),
}

/** Returns the first line that a program prints with `--version`. Undefined if it is not installed. */
export function versionOfProgram(file: string): string | undefined {
  try {
    return execFileSync(file, ['--version'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).split(/\s/)[
      file === 'curl' ? 1 : 0
    ]
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}
