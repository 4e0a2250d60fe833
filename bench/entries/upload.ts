import { createLocalClients } from '../../services/local/clients.ts'
import { createTable } from '../../services/local/resources/dynamodb.ts'
import { startDynamoDb } from '../../services/local/servers/dynamodb.ts'
import { names, uploadsTable } from '../../services/platform/resources.ts'
import { withCleanup } from '../lib/cleanup.ts'
import { startIssuer } from '../lib/issuer.ts'
import { interleave } from '../lib/rounds.ts'
import { versionsOf } from '../lib/versions.ts'
import { startSink } from '../sink/index.ts'
import type { Entry } from './entry.ts'
import {
  formToStorage,
  headgateForm,
  headgateRaw,
  headgateTus,
  type LargeFileContender,
  largeFileEnv,
  tusToS3,
} from './upload-contenders.ts'
import { type LargeFileSample, measureLargeFile } from './upload-round.ts'

const MIB = 1024 ** 2
const SIZE = 1_024 * MIB
/** More than two parts. */
const QUICK_SIZE = 20 * MIB

const contenders: readonly LargeFileContender[] = [headgateForm, headgateRaw, formToStorage, headgateTus, tusToS3]

/** Measures large files in each upload format. */
export const upload: Entry = {
  name: 'upload',
  summary: '1 GiB as a form, raw and by tus: the api beside lib-storage and @tus/s3-store. Minutes',
  byNameOnly: true,
  run: ({ rounds, quick, progress }) =>
    withCleanup(async onEnd => {
      const size = quick ? QUICK_SIZE : SIZE
      const issuer = await startIssuer()
      onEnd(() => issuer.stop())
      const sink = await startSink()
      onEnd(() => sink.stop())
      const dynamodb = await startTable(onEnd)
      const env = largeFileEnv({ sink: sink.addresses.http, dynamodb, issuer: issuer.issuer })

      const samples = new Map(contenders.map(({ name }) => [name, [] as LargeFileSample[]]))
      for (const [round, turns] of interleave(contenders, rounds).entries()) {
        for (const contender of turns) {
          progress(`upload: round ${round + 1} of ${rounds}, ${contender.name}`)
          const sample = await measureLargeFile(contender, { size, token: issuer.token, env, sink })
          samples.get(contender.name)?.push(sample)
        }
      }

      return {
        name: 'upload',
        title: `one file of ${size / MIB} MiB, a process for each, rounds: ${rounds}`,
        figures: FIGURES,
        contenders: contenders.map(({ name, does }) => ({
          name,
          does,
          samples: Object.fromEntries(FIGURES.map(({ key }) => [key, samples.get(name)?.map(one => one[key]) ?? []])),
        })),
        comparisons: [
          [headgateForm.name, formToStorage.name],
          [headgateRaw.name, formToStorage.name],
          [headgateTus.name, tusToS3.name],
        ],
        versions: versionsOf(['fastify', '@fastify/multipart', '@aws-sdk/lib-storage', '@tus/server', '@tus/s3-store']),
      }
    }),
}

const FIGURES = [
  { key: 'cpuSecondsPerGiB', label: 'CPU s/GiB', digits: 2 },
  { key: 'overIdleMiB', label: 'peak over idle MiB', digits: 0 },
  { key: 'mibPerSecond', label: 'MiB/s', digits: 0 },
] as const

/** Starts DynamoDB with the table of uploads in this process, which is not measured. */
async function startTable(onEnd: (close: () => Promise<unknown>) => void): Promise<string> {
  const server = await startDynamoDb({ host: '127.0.0.1', port: 0 })
  onEnd(() => server.stop())
  const url = `http://127.0.0.1:${server.port}`
  const clients = createLocalClients({ s3: url, dynamodb: url, kinesis: url })
  try {
    await createTable(clients.dynamodb, names.uploadsTable, uploadsTable)
  } finally {
    clients.destroy()
  }
  return url
}
