#!/bin/bash
# Trains the included models again, as they were trained: some hours each on two cores.
#
#     scripts/train_models.sh RECORDS RUNS [MODEL...]
#
# RECORDS is what groovefast-convert made of the Groove MIDI Dataset with --metadata. RUNS is where
# the runs go, and in RUNS/models what comes of them: weights, what is fitted to them, a card with
# figures of the test split. Without MODEL all eight are trained, in an order in which each finds what
# it starts from. What was stopped goes on where it stopped; what is finished is not done again.
set -euo pipefail

fail() {
  echo "$(basename "$0"): $*" >&2
  exit 2
}

(($# >= 2)) || fail "wanted are the folder of the records and one for the runs"
[[ -e $1/manifest.json ]] || fail "$1: no records; make them with groovefast-convert"
records=$(realpath "$1")
mkdir -p "$2"
runs=$(realpath "$2")
shift 2
scripts=$(dirname "$(realpath "${BASH_SOURCE[0]}")")
models=$runs/models

common=sampling_schedule=constant,sampling_rate=1,sampling_keeps_hits=true,loss_at_hits_only=true

# train RUN STEPS START HPARAMS: one run of $model, from other weights, or fresh ones for "-".
train() {
  local start=()
  [[ $3 == - ]] || start=(--start-from "$3")
  echo "== $model: $1"
  groovefast-train --config "$model" --run-dir "$runs/$1" --steps "$2" --seed 0 \
    --batch-size "${batch_size:-64}" --data "$records/train-*" \
    --eval-data "$records/validation-*" --eval-every "${eval_every:-500}" \
    --precision mixed_bfloat16 --no-prior "${start[@]}" --hparams "$common,$4"
}

# ship MODEL_FOLDER...: their mean, with what is fitted to it, and its card.
ship() {
  echo "== $model: what is fitted to it, figures of the test split"
  python "$scripts/ship_model.py" --to "$models" "$records" "$@"
}

train_groovae_2bar_humanize() {
  local more=swap_probability=0.25,silence_probability=0.08
  train humanize-1 2500 - "dropout_keep_prob=0.65,free_bits=300,velocities_weight=32,\
offsets_weight=16,warmup_steps=200,cosine_decay_steps=9000,ema_decay=0.998"
  train humanize-2 1500 "$runs/humanize-1" "dropout_keep_prob=0.6,free_bits=300,\
velocities_weight=32,offsets_weight=16,warmup_steps=100,cosine_decay_steps=3500,ema_decay=0.998,$more"
  train humanize-3 3000 "$runs/humanize-2" "dropout_keep_prob=1,free_bits=1000,velocities_weight=8,\
offsets_weight=2,warmup_steps=100,cosine_decay_steps=5000,ema_decay=0.998,$more"
  train humanize-4 2700 "$runs/humanize-3" "dropout_keep_prob=1,free_bits=1000,velocities_weight=8,\
offsets_weight=3,warmup_steps=100,cosine_decay_steps=4500,ema_decay=0.998,$more"
  train humanize-5 1050 "$runs/humanize-4" "dropout_keep_prob=0.8,free_bits=1000,\
velocities_weight=8,offsets_weight=6,warmup_steps=50,cosine_decay_steps=1200,ema_decay=0.998,\
swap_probability=0.3,silence_probability=0.1"
  ship "$runs"/humanize-{5,4,3}/best
}

train_groovae_2bar_hits_control() {
  train hits-control 3000 - "dropout_keep_prob=0.8,free_bits=96,velocities_weight=32,\
offsets_weight=16,warmup_steps=100,cosine_decay_steps=3000,ema_decay=0.998"
  ship "$runs/hits-control/best"
}

train_groovae_2bar_add_closed_hh() {
  train add-closed-hh 1600 "$models/groovae_2bar_humanize" "dropout_keep_prob=0.9,free_bits=1000,\
played_weight=1.4,velocities_weight=8,offsets_weight=4,warmup_steps=100,cosine_decay_steps=1600,\
ema_decay=0.998,swap_probability=0.1"
  ship "$runs/add-closed-hh/best"
}

train_groovae_2bar_tap_fixed_velocity() {
  local more=dropout_keep_prob=0.8,free_bits=1000,velocities_weight=8,offsets_weight=4
  train tap-1 1600 "$models/groovae_2bar_humanize" "$more,warmup_steps=100,cosine_decay_steps=2400,\
ema_decay=0.998,swap_probability=0.1"
  train tap-2 300 "$runs/tap-1" "$more,learning_rate=0.0003,played_weight=1.9,warmup_steps=20,\
cosine_decay_steps=300,ema_decay=0.98,swap_probability=0.1"
  ship "$runs/tap-2/best"
}

# Its evaluation loss says little, as windows are not thinned in evaluation: the last weights count.
train_groovae_2bar_tap_fixed_velocity_note_dropout() {
  local more=dropout_keep_prob=0.8,free_bits=1000,velocities_weight=8,offsets_weight=4
  local tap=$models/groovae_2bar_tap_fixed_velocity
  train note-dropout-1 1600 "$tap" "$more,played_weight=2,warmup_steps=50,cosine_decay_steps=1600,\
ema_decay=0.996,swap_probability=0.1,thin_probability=0.75"
  train note-dropout-2 400 "$runs/note-dropout-1/model" "$more,learning_rate=0.0003,\
played_weight=1.8,warmup_steps=20,cosine_decay_steps=400,ema_decay=0.98,swap_probability=0.1,\
thin_probability=0.5"
  ship "$runs/note-dropout-2/model" "$runs/note-dropout-2/model" "$tap"
}

train_groovae_4bar() {
  local more=dropout_keep_prob=1,velocities_weight=8,offsets_weight=4,ema_decay=0.998
  train 4bar-1 620 "$models/groovae_2bar_humanize" "$more,free_bits=256,warmup_steps=100,\
cosine_decay_steps=6000"
  train 4bar-2 851 "$runs/4bar-1" "$more,free_bits=256,warmup_steps=50,cosine_decay_steps=4200"
  more+=,played_weight=1.2
  train 4bar-3 3600 "$runs/4bar-2" "$more,free_bits=384,warmup_steps=50,cosine_decay_steps=3600,\
swap_probability=0.2,silence_probability=0.05"
  more+=,learning_rate=0.0008,swap_probability=0.3,silence_probability=0.08
  train 4bar-4 9000 "$runs/4bar-3/best" "$more,free_bits=384,warmup_steps=50,\
cosine_decay_steps=9000,splice_probability=0.3"
  train 4bar-5 14000 "$runs/4bar-4/best" "$more,free_bits=512,warmup_steps=50,\
cosine_decay_steps=14000,splice_probability=0.35"
  ship "$runs/4bar-5/best"
}

# sixteen_bars RUN: the first run, begun with what groovae_4bar knows of bars. Its settings stay for
# those after it, in the caller's variables.
sixteen_bars() {
  batch_size=32 eval_every=800
  common+=",dropout_keep_prob=1,free_bits=4096,played_weight=1.4,velocities_weight=8,\
offsets_weight=4,ema_decay=0.998,grad_norm_clip_to_zero=100000,swap_probability=0.3,\
silence_probability=0.08,splice_probability=0.35,cross_probability=0.15,warmup_steps=50"
  python "$scripts/begin_long_model.py" "$models/groovae_4bar" "$model" "$runs/$1-begun"
  train "$1-1" 7200 "$runs/$1-begun" "learning_rate=0.001,cosine_decay_steps=9600"
}

train_groovae_16bar() {
  local batch_size eval_every common=$common
  sixteen_bars 16bar
  train 16bar-2 8400 "$runs/16bar-1/best" "learning_rate=0.0007,cosine_decay_steps=8400"
  train 16bar-3 1800 "$runs/16bar-2/best" "learning_rate=0.0004,cosine_decay_steps=1800"
  ship "$runs/16bar-3/best"
}

# The same without its conductor, as far as docs/training.md compares them; it is not included.
train_groovae_16bar_flat() {
  local batch_size eval_every common=$common
  sixteen_bars 16bar-flat
}

# The truth is what it hears in training, and all that it is to predict.
train_groove_rnn() {
  local common=dropout_keep_prob=0.7,loss_at_hits_only=true,ema_decay=0.998
  local eval_every=300
  train groove-rnn 5000 - "velocities_weight=0.5,offsets_weight=0.25,learning_rate=0.0015,\
warmup_steps=100,cosine_decay_steps=5000,swap_probability=0.2,silence_probability=0.05"
  ship "$runs/groove-rnn/best"
}

all=(groovae_2bar_humanize groovae_2bar_hits_control groovae_2bar_add_closed_hh
  groovae_2bar_tap_fixed_velocity groovae_2bar_tap_fixed_velocity_note_dropout groovae_4bar
  groovae_16bar groove_rnn)
to_compare=groovae_16bar_flat
(($#)) || set -- "${all[@]}"
for model in "$@"; do
  [[ " ${all[*]} $to_compare " == *" $model "* ]] || fail "$model: none of ${all[*]} $to_compare"
done
for model in "$@"; do
  [[ -e $models/$model/MODEL_CARD.md ]] || "train_$model"
done
