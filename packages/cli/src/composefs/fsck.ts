import { fsckImages } from '@bootc-sdk/composefs-backend'
import { BootcError } from '@bootc-sdk/core'
import type { Cli } from '../io.js'
import { printable } from '../format.js'
import { openRepository } from './repository.js'

interface FsckFlags {
  readonly repo: string
  readonly metadataOnly?: boolean
  readonly json?: boolean
}

/** `bootc-sdk composefs fsck`: `fsck: KIND: PATH: DETAIL` a defect, and exit code 1 when there is any. */
export async function fsck(cli: Cli, options: FsckFlags): Promise<void> {
  await using repo = await openRepository(options.repo)
  const { repository, images } = await fsckImages(repo, {
    signal: cli.signal,
    metadataOnly: options.metadataOnly === true,
  })
  const problems = [
    ...repository.problems,
    ...images.problems.map(({ kind, image, message }) => ({ kind, path: image, message })),
  ]
  if (options.json === true) {
    const { objects, streams, brokenLinks, missingObjects } = repository
    await cli.out.write(
      `${JSON.stringify({
        ok: problems.length === 0,
        has_metadata: repository.metadata,
        objects_checked: objects.checked,
        objects_corrupted: objects.bad,
        streams_checked: streams.checked,
        streams_corrupted: streams.bad,
        images_checked: repository.images.checked,
        images_corrupted: repository.images.bad,
        broken_links: brokenLinks,
        missing_objects: missingObjects,
        oci_images_checked: images.checked,
        oci_images_corrupted: images.bad,
        errors: problems,
      })}\n`,
    )
  } else {
    const count = ({ checked, bad }: { readonly checked: number; readonly bad: number }): string =>
      `${checked - bad}/${checked} ok`
    await cli.out.write(
      `meta.json: ${repository.metadata ? 'ok' : 'missing'}\nobjects: ${count(repository.objects)}\n` +
        `streams: ${count(repository.streams)}\nimages: ${count(repository.images)}\noci images: ${count(images)}\n`,
    )
    for (const { kind, path, message } of problems) {
      await cli.err.write(`fsck: ${kind}: ${printable(path)}: ${printable(message)}\n`)
    }
  }
  if (problems.length > 0) {
    throw new BootcError('STORE_FSCK_FAILED', `Repository has ${problems.length} defects`, {
      details: { problems },
    })
  }
  if (options.json !== true) await cli.out.write('status: ok\n')
}
