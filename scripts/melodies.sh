#!/usr/bin/env bash
# MusicVAE's table of reconstructions on tunes of our own making: a flat decoder and a hierarchical
# one, of the same sizes and trained as long, on tunes that neither has seen.
#
#   scripts/melodies.sh                  # melodies of sixteen bars
#   scripts/melodies.sh 2bar mel drums   # of two bars, of sixteen, drums of sixteen
#   scripts/melodies.sh trio             # melody, bass and drums together: three decoders, slower
#
# Everything lands in demo-output/melodies. To be done in minutes on one core, the networks are far
# narrower than the published ones and trained briefly. Run again, it keeps the training it has done.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/venv.sh"

steps=600
hparams=z_size=64,enc_rnn_size=[64],dec_rnn_size=[128],batch_size=64
hparams+=,learning_rate=0.004,min_learning_rate=0.0002,cosine_decay_steps=$steps,warmup_steps=20

step() {
  printf '\n$' && printf ' %q' "$@" && echo
  "$@"
}

ensure_venv train
PATH=$venv/bin:$PATH
cd "$root"
out=demo-output/melodies
step python -m groovefast.demo --melodies "$out/tunes"

tables=()
for kind in "${@:-mel}"; do
  case $kind in
    2bar) representation=melody configs=(cat-mel_2bar_small) ;;
    mel) representation=melody configs=({flat,hierdec}-mel_16bar) ;;
    drums | trio) representation=$kind configs=({flat,hierdec}-"${kind}"_16bar) ;;
    *) fail "no such kind of music: $kind; choose some of 2bar, mel, drums, trio" ;;
  esac
  records=$out/records/$representation
  step groovefast-convert "$out/tunes" "$records" --metadata "$out/tunes/info.csv" \
    --representation "$representation"
  for config in "${configs[@]}"; do
    step groovefast-train --config "$config" --run-dir "$out/$config" --steps "$steps" \
      --data "$records/train-*" --eval-data "$records/validation-*" --eval-every 150 \
      --hparams "$hparams" --seed 1
    step groovefast-evaluate --model "$out/$config/model" --data "$records/test-*" \
      --json "$out/$config.json"
    tables+=("$out/$config.json")
  done
done
step scripts/accuracy_table.py "${tables[@]}"
