import { mkdtemp, rm } from 'node:fs/promises'
import { devNull, tmpdir } from 'node:os'
import path from 'node:path'
import { account } from '../../services/local/account.ts'
import { buildAll } from '../lib/build.ts'
import { withCleanup } from '../lib/cleanup.ts'
import { type FileSet, writeFileSet } from '../lib/file-set.ts'
import type { Measurements } from '../lib/report.ts'
import { interleave } from '../lib/rounds.ts'
import type { CommandCost } from '../lib/timed-command.ts'
import { versionsOf } from '../lib/versions.ts'
import {
  awsCopy,
  type ClientContender,
  clientProgram,
  curl,
  headgateUpload,
  type Target,
  tusProgram,
  versionOfProgram,
} from './client-contenders.ts'
import { measureClient, prepare } from './client-round.ts'
import type { Entry, EntrySettings } from './entry.ts'
import { startScene } from './pipeline-scene.ts'

const MIB = 1024 ** 2
const WORK = { large: { files: 1, size: 1_024 * MIB }, small: { files: 2_000, size: 10 * 1024 } }
/** The large file has more than two parts. */
const QUICK_WORK = { large: { files: 1, size: 17 * MIB }, small: { files: 4, size: 10 * 1024 } }

/** As `npm start` runs it. */
const LAYOUT = { shards: 4, workers: 2 }

const FIGURES = [
  { key: 'cpuSeconds', label: 'client CPU s', digits: 2 },
  { key: 'seconds', label: 'wall time s', digits: 2 },
] as const

/** Measures the programs that upload. */
export const client: Entry = {
  name: 'client',
  summary:
    '1 GiB and 2,000 small files: headgate upload and @headgate/client beside aws s3 cp, curl and tus-js-client. Minutes',
  byNameOnly: true,
  run: settings =>
    withCleanup(async onEnd => {
      const { quick, progress } = settings
      const scratch = await mkdtemp(path.join(tmpdir(), 'headgate-bench-'))
      onEnd(() => rm(scratch, { recursive: true, force: true }))
      if (!quick) progress('client: compiling')
      const programs = quick
        ? { root: path.resolve(import.meta.dirname, '../..'), extension: path.extname(import.meta.filename) }
        : { root: await buildAll(), extension: '.js' }
      const work = quick ? QUICK_WORK : WORK
      const large = await writeFileSet(path.join(scratch, 'large'), work.large)
      const small = await writeFileSet(path.join(scratch, 'small'), work.small)
      const installed = findPrograms(progress)
      const run = (name: string, title: string, files: FileSet) =>
        measure({ name, title, files, target: { scratch, programs }, installed, settings })
      return [
        await run('client-large', `one file of ${large.size / MIB} MiB`, large),
        await run('client-small', `${small.paths.length} files of ${small.size / 1024} KiB`, small),
      ]
    }),
}

/** Programs that are no dependencies, with their versions. */
type Installed = ReadonlyMap<ClientContender, string>

function findPrograms(progress: EntrySettings['progress']): Installed {
  const found = new Map<ClientContender, string>()
  for (const [contender, program] of [
    [awsCopy, 'aws'],
    [curl, 'curl'],
  ] as const) {
    const version = versionOfProgram(program)
    if (version === undefined) progress(`client: ${program} is not installed, so it is not compared`)
    else found.set(contender, version)
  }
  return found
}

interface Comparison {
  name: string
  title: string
  files: FileSet
  target: Pick<Target, 'scratch' | 'programs'>
  installed: Installed
  settings: EntrySettings
}

async function measure(comparison: Comparison): Promise<Measurements> {
  const { name, title, files, target, installed, settings } = comparison
  const { rounds, progress } = settings
  const own = [headgateUpload, clientProgram]
  const others = [...installed.keys(), tusProgram]
  const samples = new Map([...own, ...others].map(contender => [contender, [] as CommandCost[]]))
  for (const [round, turns] of interleave([...samples.keys()], rounds).entries()) {
    progress(`${name}: round ${round + 1} of ${rounds}, starting the pipeline`)
    // Each round has a pipeline of its own, so that the memory of the embedded AWS is bounded.
    await withCleanup(async onEnd => {
      const scene = await startScene(LAYOUT, onEnd)
      await prepare(scene)
      const env = clientEnv(scene.aws.endpoints.s3, target.scratch)
      for (const contender of turns) {
        const cost = await measureClient(contender, { scene, files, env, target })
        samples.get(contender)?.push(cost)
        progress(`${name}: ${contender.name}, ${cost.cpuSeconds.toFixed(2)} s CPU, ${cost.seconds.toFixed(2)} s`)
      }
    })
  }
  return {
    name,
    title: `${title}, on the pipeline of npm start, rounds: ${rounds}`,
    figures: FIGURES,
    contenders: [...samples].map(([{ name, does }, costs]) => ({
      name,
      does,
      samples: Object.fromEntries(FIGURES.map(({ key }) => [key, costs.map(cost => cost[key])])),
    })),
    comparisons: own.flatMap(one => others.map(other => [one.name, other.name] as const)),
    versions: {
      ...versionsOf(['tus-js-client']),
      ...Object.fromEntries([...installed].map(([{ name }, version]) => [name, version])),
    },
  }
}

/** Returns an environment without settings of the user. */
function clientEnv(s3: string, home: string): NodeJS.ProcessEnv {
  return {
    PATH: process.env.PATH,
    HOME: home,
    HEADGATE_CONFIG_DIR: home,
    AWS_REGION: account.region,
    AWS_ACCESS_KEY_ID: account.credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: account.credentials.secretAccessKey,
    AWS_CONFIG_FILE: devNull,
    AWS_SHARED_CREDENTIALS_FILE: devNull,
    AWS_EC2_METADATA_DISABLED: 'true',
    AWS_ENDPOINT_URL_S3: s3,
  }
}
