export type { HeadgateOptions, TokenRequest } from './api.ts'
export * from './errors.ts'
export type { UploadEvent } from './events.ts'
export { type DownloadOptions, Headgate, type ListOptions, type WaitOptions } from './headgate.ts'
export * from './problems.ts'
export type {
  Download,
  FileInput,
  Progress,
  RequestOptions,
  Upload,
  UploadedFile,
  UploadLimits,
  UploadMethod,
  UploadOptions,
  UploadStatus,
} from './types.ts'
